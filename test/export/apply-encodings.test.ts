import * as assert from 'uvu/assert';

import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { loadConfig } from '../../pipeline/config/presets/index.ts';
import { applyEncodings, type ApplyOptions, freezeEncodings, shareGrids } from '../../pipeline/export/apply-encodings.ts';
import { encodingsJson } from '../../pipeline/export/encodings-json.ts';
import { readEncodings } from '../../pipeline/export/read-encodings.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { madeUpEncodings } from '../support/made-up.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';
import { everyGranularity, node, smallNetwork } from './models.ts';

const image = { name: 'image', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [0.01], offset: [-100] };
const half = { name: 'positive', enc_type: 'PER_TENSOR', dtype: 'FLOAT', bw: 16 };
const int8 = (name: string, count: number) => ({ name, enc_type: 'PER_CHANNEL', dtype: 'INT', bw: 8, is_sym: true, scale: Array(count).fill(1), offset: Array(count).fill(-128) });
const inBlocks = (name: string, count: number, size: number) => ({ ...int8(name, count), enc_type: 'PER_BLOCK', block_size: size });

const fileOf = (...records: object[]) => readEncodings(JSON.stringify({ version: '1.0.0', activation_encodings: records, param_encodings: [] }), 'e.json');
const network = smallNetwork();
const apply = (records: readonly object[], options?: ApplyOptions) => applyEncodings(network.model, network.placement, fileOf(...records), options);

suite('export/apply-encodings', test => {
  test('a file decides which quantizers there are, and their grids', () => {
    const { placement, encodings } = apply([{ ...image, bw: 4, offset: [-7] }]);
    assert.equal(placement.quantizers.map(({ tensor, grid: { bitwidth } }) => [tensor, bitwidth]), [['image', 4]]);
    assert.equal(encodings.get('image')!.map(({ delta, offset }) => [delta, offset]), [[0.01, -7]]);
    assert.equal(placement.biases, []);
  });

  test('an activation of fewer bits than options and overrides take is refused', () => {
    assert.is(messageOf(() => apply([{ ...image, bw: 3, offset: [-3] }])), "encodings-invalid activation_encodings[0]: activations have at least 4 bits, got 3 for 'image'");
  });

  test('what was written of a placement gives the same placement', () => {
    for (const version of ['0.6.1', '1.0.0', '2.0.0'] as const) {
      const { model, placement, encodings } = network;
      const applied = applyEncodings(model, placement, readEncodings(encodingsJson(model, placement, encodings, { version, scheme: 'mse' }), 'e.json'));
      assert.equal(applied.placement, placement, version);
      assert.equal(applied.warnings, []);
    }
  });

  test('where the file leaves the axes out, the operator that reads a weight tells them', () => {
    const { model, placement, encodings } = everyGranularity('1.0.0');
    const text = encodingsJson(model, placement, encodings, { scheme: 'mse' });
    const perTensor = { ...placement, quantizers: placement.quantizers.map(quantizer => ({ ...quantizer, granularity: { kind: 'tensor' as const } })) };
    assert.equal(applyEncodings(model, perTensor, readEncodings(text, 'e.json')).placement, placement);
  });

  test('an axis that the file names is the one', () => {
    const file = readEncodings(JSON.stringify({ version: '2.0.0', encodings: [{ name: 'kernel', output_dtype: 'int8', axis: 3, y_scale: [1, 2, 3] }] }), 'e.json');
    assert.equal(applyEncodings(network.model, network.placement, file).placement.quantizers[0]!.granularity, { kind: 'channel', axis: 3 });
  });

  test('with the rest kept, placed quantizers that the file leaves out stay as they are', () => {
    const { placement, encodings } = apply([{ ...image, bw: 4, offset: [-7] }], { rest: 'keep' });
    assert.equal(placement.quantizers.map(({ tensor, grid: { bitwidth } }) => [tensor, bitwidth]), [['image', 4], ['kernel', 8], ['positive', 8], ['flat', 8], ['matrix', 8], ['logits', 8]]);
    assert.equal([...encodings.keys()], ['image']);
    assert.equal(placement.biases, network.placement.biases);
  });

  test('tensors that share an encoding take that of the one that the file has', () => {
    const { placement, encodings } = apply([{ ...image, name: 'flat', bw: 16 }], { rest: 'keep' });
    assert.equal(encodings.get('positive'), encodings.get('flat'));
    assert.equal(placement.quantizers.filter(({ group }) => group === 'positive').map(quantizer => quantizer.grid.bitwidth), [16, 16]);
    const frozen = freezeEncodings(apply([{ ...image, name: 'flat' }], { rest: 'keep' }));
    assert.equal(frozen.quantizers.map(({ observed }) => observed), [['image'], [], [], [], [], ['logits']]);
  });

  test('searched anew, the tensors of a group have one grid, and it is told where the file has two', () => {
    const { placement, warnings } = shareGrids(apply([{ ...image, name: 'positive' }, { ...image, name: 'flat', bw: 16 }], { rest: 'keep' }));
    assert.equal(placement.quantizers.filter(({ group }) => group === 'positive').map(quantizer => quantizer.grid), [grid(8), grid(8)]);
    assert.equal(warnings.slice(1), ["'flat' shares the encoding of 'positive': 8 bits, asymmetric, and not 16 bits, asymmetric, as the file says"]);
  });

  test('a floating-point format takes the place of a quantizer, and a bias beside it stays in float', () => {
    const { placement, encodings } = apply([half], { rest: 'keep' });
    assert.equal(placement.floats.map(({ tensor, role, format }) => [tensor, role, format]), [['positive', 'activation', 'float16']]);
    assert.not.ok(placement.quantizers.some(({ tensor }) => tensor === 'positive'));
    assert.is(encodings.size, 0);
    const alone = apply([half, image, int8('kernel', 2), int8('shift', 2)]);
    assert.equal(alone.placement.biases.map(({ tensor }) => tensor), ['shift']);
  });

  test('an encoding takes the place of a floating-point format', () => {
    const { model, placement } = everyGranularity('1.0.0');
    const applied = applyEncodings(model, placement, fileOf({ ...image, name: 'half' }));
    assert.equal(applied.placement.quantizers.map(({ tensor, observed, grid: { bitwidth } }) => [tensor, observed, bitwidth]), [['half', ['half'], 8]]);
    assert.equal(applied.placement.floats, []);
  });

  test('a bias whose neighbours the file leaves out stays in float, and it is told', () => {
    const { placement, warnings } = apply([int8('kernel', 2), { ...int8('shift', 2), bw: 8 }]);
    assert.equal(placement.biases, []);
    assert.is(warnings[0], "bias 'shift' stays in float: the file has no encodings of the tensors whose product it is added to");
  });

  test('a bias of another width is int32, and it is told', () => {
    assert.equal(apply([image, int8('kernel', 2), int8('shift', 2)]).warnings.slice(0, 1), ["bias 'shift' has 8 bits in the file and is rounded as int32, with the step of the product it is added to"]);
  });

  test('what the file leaves out is counted and named, with what becomes of it', () => {
    const all = ['image', 'kernel', 'positive', 'flat', 'matrix', 'logits'];
    const [scales, record] = [{ kernel: 2 } as Record<string, number>, (name: string) => scales[name] === undefined ? { ...image, name } : int8(name, scales[name])];
    const lacking = (names: readonly string[], options?: ApplyOptions) => apply(all.filter(name => !names.includes(name)).map(record), options).warnings.filter(warning => warning.includes('placed quantizers'));
    assert.equal(lacking([]), []);
    assert.equal(lacking(['kernel', 'logits']), ["the file has no encodings of 2 of 6 placed quantizers, which stay in float: 'kernel', 'logits'"]);
    assert.equal(lacking(['kernel', 'logits'], { rest: 'keep' }), ["the file has no encodings of 2 of 6 placed quantizers, which are calibrated as the configuration has them: 'kernel', 'logits'"]);
    assert.equal(lacking(all), ["the file has no encodings of 6 of 6 placed quantizers, which stay in float: 'image', 'kernel', 'positive', 'flat', 'matrix' and 1 more"]);
    assert.equal(lacking(['flat']), [], 'what was moved out of a tensor that the file has is on its grid');
    assert.equal(lacking(['positive']), ["the file has no encodings of 1 of 6 placed quantizers, which stay in float: 'positive'"]);
    assert.equal(lacking(['positive'], { rest: 'keep' }), [], 'it takes the encoding that it shares');
  });

  test('a bias that the file leaves out beside what it has is named', () => {
    const warnings = apply([image, int8('kernel', 2)]).warnings;
    assert.equal(warnings.filter(warning => warning.includes(' bias ')), ["the file has no encodings of 1 bias beside tensors that it has, which stays in float: 'shift'"]);
    assert.not.ok(apply([image, int8('kernel', 2)], { rest: 'keep' }).warnings.some(warning => warning.includes('biases')), 'the configuration has them');
  });

  test('a bias that layers with different steps share stands in no file, and is int32 all the same where the configuration has it so', () => {
    const model = buildModel({
      inputs: { x: ['N', 2] }, weights: { w: weight([2, 2]), b: weight([2]) }, outputs: { y: null },
      nodes: [node('Gemm', ['x', 'w', 'b'], ['h']), node('Gemm', ['h', 'w', 'b'], ['y'])],
    });
    const placement = placeQuantizers(model, loadConfig('per-channel'));
    const steps: Record<string, number> = { x: 1, h: 2, y: 3 };
    const text = encodingsJson(model, placement, madeUpEncodings(model.graph, placement, tensor => steps[tensor] ?? 1), { scheme: 'mse' });
    assert.not.match(text, /"name": "b"/);
    const applied = applyEncodings(model, placement, readEncodings(text, 'e.json'));
    assert.equal(applied.placement.biases, placement.biases);
    assert.equal([placement.biases.length, applied.warnings], [2, ["the file has no encodings of 'b', which several layers add: int32 as the configuration has it, with the step of each layer"]]);
    const float = placeQuantizers(model, loadConfig('per-channel'), { quantizeBias: false });
    assert.equal(applyEncodings(model, float, readEncodings(text, 'e.json')).placement.biases, []);
  });

  // what the file says, and the message after its code
  const refused: [object, string][] = [
    [{ ...image, name: 'imagge' }, "activation_encodings[0]: the model has no tensor 'imagge'; did you mean 'image'?"],
    [{ ...image, name: 'zzzzzzzzzzzz' }, "activation_encodings[0]: the model has no tensor 'zzzzzzzzzzzz'"],
    [{ ...image, name: 'sum' }, "activation_encodings[0]: the configuration places no quantizer on 'sum'; name the one the file was made with"],
    [int8('kernel', 3), "activation_encodings[0]: 'kernel' has 3 encodings in the file and 2 channels along dimension 0 in the model, where its shape is [2, 1, 3, 3]"],
    [int8('image', 2), "activation_encodings[0]: 'image' is computed, and has one encoding; the file has 2"],
    [inBlocks('matrix', 6, 3), "activation_encodings[0]: 'matrix' has 6 blocks of 3 in the file; in the model its shape is [3, 8], with 3 channels along dimension 0 and 8 elements along dimension 1"],
    [inBlocks('matrix', 5, 4), "activation_encodings[0]: 'matrix' has 5 blocks of 4 in the file"],
  ];
  for (const [record, says] of refused) {
    test(`refuses: ${says}`, () => {
      for (const rest of ['drop', 'keep'] as const) {
        const message = messageOf(() => apply([record], { rest }));
        assert.ok(message.startsWith(`encodings-invalid ${says}`), message);
      }
    });
  }
});
