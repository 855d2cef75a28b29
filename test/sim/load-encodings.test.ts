import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { QuantpipeError, QuantSim, type QuantSimOptions } from '../../pipeline/index.ts';
import { smallNetwork } from '../export/models.ts';
import { runModel } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const record = { enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [0.02], offset: [-100] };
const image = { ...record, name: 'image' };
const kernel = { ...record, name: 'kernel', enc_type: 'PER_CHANNEL', bw: 4, is_sym: true, scale: [0.1, 0.2], offset: [-8, -8] };

/** The small network calibrated on 16 samples, with a file of these records loaded. */
async function calibrated(records: readonly object[], options: QuantSimOptions = {}): Promise<QuantSim> {
  return inFolder(async folder => {
    const [data, file] = [join(folder, 'data.arrow'), join(folder, 'e.json')];
    await writeFile(data, samplesFile({ image: { size: 16, values: floats(256) } }, 16));
    await writeFile(file, JSON.stringify({ version: '1.0.0', activation_encodings: records, param_encodings: [] }));
    const sim = await QuantSim.open(smallNetwork().model, { scheme: 'min-max', ...(records.length > 0 && { loadEncodings: file }), ...options });
    for await (const _ of sim.calibrate(data, { engine: 'native', workers: 1 })) { /* to the end */ }
    return sim;
  });
}

const stepsOf = (sim: QuantSim, tensor: string) => sim.encodings.get(tensor)!.map(({ delta, offset, grid: { bitwidth } }) => [delta, offset, bitwidth]);

suite('sim/load-encodings', test => {
  test('frozen encodings are kept, and only the rest is observed and searched', async () => {
    const [sim, without] = [await calibrated([image, kernel], { freeze: true }), await calibrated([])];
    assert.equal(stepsOf(sim, 'image'), [[0.02, -100, 8]]);
    assert.equal(stepsOf(sim, 'kernel'), [[0.1, -8, 4], [0.2, -8, 4]]);
    assert.equal(sim.warnings, ["the file has no encodings of 4 of 6 placed quantizers, which are calibrated as the configuration has them: 'positive', 'flat', 'matrix', 'logits'"]);
    for (const tensor of ['positive', 'flat', 'matrix', 'logits']) assert.equal(sim.encodings.get(tensor), without.encodings.get(tensor), tensor);
    assert.equal([...without.statistics.tensors.keys()], ['image', 'positive', 'logits']);
    assert.equal([...sim.statistics.tensors.keys()], ['positive', 'logits']);
    assert.equal(sim.quality.map(({ tensor }) => tensor), ['positive', 'matrix', 'logits']);
    const feeds = { image: { dtype: 'float32' as const, dims: [1, 1, 4, 4], data: floats(16) } };
    for (const model of [sim.simulated(), sim.exported()]) assert.equal((await runModel(model, feeds))['logits']!.dims, [1, 3]);
  });

  test('a frozen tensor decides for those that share its encoding', async () => {
    const sim = await calibrated([{ ...record, name: 'flat' }], { freeze: true });
    assert.equal(stepsOf(sim, 'positive'), [[0.02, -100, 8]]);
    assert.equal([...sim.statistics.tensors.keys()], ['image', 'logits']);
  });

  test('without freezing, bit-widths and symmetry are those of the file and ranges those of the data', async () => {
    const [sim, without] = [await calibrated([{ ...image, bw: 4, offset: [-10] }, kernel]), await calibrated([])];
    assert.equal(sim.encodings.get('image')!.map(({ grid }) => grid), [{ bitwidth: 4, symmetry: 'asymmetric' }]);
    assert.equal(sim.encodings.get('kernel')!.map(({ grid }) => grid), Array(2).fill({ bitwidth: 4, symmetry: 'symmetric' }));
    const width = (of: QuantSim) => of.encodings.get('image')!.map(({ min, max }) => max - min)[0]!;
    assert.ok(Math.abs(width(sim) - width(without)) < 1e-9, 'min-max covers the same range with fewer codes');
    assert.equal(sim.encodings.get('logits'), without.encodings.get('logits'));
  });

  test('with everything frozen nothing is observed, and what is written is what was read', () => inFolder(async folder => {
    const first = await calibrated([]);
    await first.export(folder);
    const written = await readFile(join(folder, 'encodings.json'), 'utf8');
    const { activation_encodings, param_encodings } = JSON.parse(written) as Record<string, object[]>;
    const sim = await calibrated([...activation_encodings!, ...param_encodings!], { freeze: true });
    assert.equal(sim.warnings, ['nothing was observed: the encodings of all activations are frozen']);
    assert.is(sim.observation, null);
    await sim.export(join(folder, 'again'));
    assert.is(await readFile(join(folder, 'again/encodings.json'), 'utf8'), written);
  }));

  test('tells of a bias that frozen steps clip', async () => {
    const tiny = { ...kernel, bw: 8, scale: [1e-12, 1e-12], offset: [-128, -128] };
    const sim = await calibrated([tiny], { freeze: true });
    assert.equal(sim.warnings.slice(1), ["bias 'shift' is clipped: the steps of 'kernel', which a file gives, are too small for it"]);
    assert.equal(stepsOf(sim, 'kernel'), [[1e-12, -128, 8], [1e-12, -128, 8]]);
    assert.not.ok((await calibrated([tiny])).warnings.some(warning => warning.includes('clipped')));
  });

  test('tells of a bias whose step in the file is not that of input times weight, frozen or loaded, and not of one that is but for its digits', () => inFolder(async folder => {
    const shift = (...scale: readonly number[]) => ({ ...kernel, name: 'shift', enc_type: scale.length === 1 ? 'PER_TENSOR' : 'PER_CHANNEL', bw: 32, scale, offset: scale.map(() => -(2 ** 31)) });
    const told = async (...records: readonly object[]) => {
      const file = join(folder, 'e.json');
      await writeFile(file, JSON.stringify({ version: '1.0.0', activation_encodings: records, param_encodings: [] }));
      const loaded = await QuantSim.open(smallNetwork().model);
      await loaded.loadEncodings(file);
      const stepsIn = (warnings: readonly string[]) => warnings.filter(warning => warning.includes("'shift' has a step"));
      const [frozen, searched] = [await calibrated(records, { freeze: true }), await calibrated(records)];
      assert.equal(stepsIn(frozen.warnings), stepsIn(loaded.warnings));
      assert.equal(stepsIn(searched.warnings), [], 'ranges are searched anew, so all steps are others');
      return stepsIn(loaded.warnings);
    };
    const sentence = (step: string, element: number, rounded: string) =>
      [`bias 'shift' has a step of ${step} for element ${element} in the file and is rounded in steps of ${rounded}, the step of 'image' times that of 'kernel', which Conv 'Conv_sum' multiplies`];
    // 0.02 times 0.1 and 0.2
    assert.equal(await told(image, kernel, shift(0.002, 0.003)), sentence('0.003000', 1, '0.004000'));
    assert.equal(await told(image, kernel, shift(0.002)), sentence('0.002000', 1, '0.004000'));
    assert.equal(await told(image, kernel, shift(0.00200001, 0.004)), []);
  }));

  test('tells of a bias that the steps of a loaded file clip, too', () => inFolder(async folder => {
    const file = join(folder, 'tiny.json');
    const shift = { ...kernel, name: 'shift', bw: 32, scale: [1, 1], offset: [-(2 ** 31), -(2 ** 31)] };
    await writeFile(file, JSON.stringify({ version: '1.0.0', activation_encodings: [image, { ...kernel, bw: 8, scale: [1e-12, 1e-12], offset: [-128, -128] }, shift], param_encodings: [] }));
    const loaded = await QuantSim.open(smallNetwork().model);
    await loaded.loadEncodings(file);
    assert.ok(loaded.warnings.includes("bias 'shift' is clipped: the steps of 'kernel', which a file gives, are too small for it"), loaded.warnings.join('\n'));
  }));

  test('compares the step of a bias with what is calibrated beside a frozen weight', async () => {
    const shift = { ...kernel, name: 'shift', bw: 32, scale: [1, 1], offset: [-(2 ** 31), -(2 ** 31)] };
    const { warnings, encodings } = await calibrated([kernel, shift], { freeze: true });
    const step = (encodings.get('image')![0]!.delta * 0.1).toPrecision(4);
    assert.ok(warnings.some(warning => warning.startsWith(`bias 'shift' has a step of 1.000 for element 0 in the file and is rounded in steps of ${step}, `)), warnings.join('\n'));
  });

  test('freezing needs a file', async () => {
    const error = await QuantSim.open(smallNetwork().model, { freeze: true }).catch((error: unknown) => error);
    assert.instance(error, QuantpipeError);
    assert.match((error as QuantpipeError).message, /nothing to freeze: name the encodings to load/);
  });
});
