import * as assert from 'uvu/assert';

import { applyEncodings } from '../../pipeline/export/apply-encodings.ts';
import { encodingsJson } from '../../pipeline/export/encodings-json.ts';
import { readEncodings } from '../../pipeline/export/read-encodings.ts';
import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { golden } from '../support/golden.ts';
import { placementOf } from '../support/placements.ts';
import { suite } from '../support/suite.ts';
import { smallNetwork } from './models.ts';

const options = { scheme: 'tf-enhanced' };

/** An entry of the file, and the same with one field changed or (undefined) left out. */
const entry = { name: 'x', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [0.01], offset: [-100] };
const fileWith = (...records: unknown[]) => JSON.stringify({ version: '1.0.0', activation_encodings: records, param_encodings: [] });

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, QuantpipeError);
    return `${(error as QuantpipeError).code} ${(error as Error).message}`;
  }
  return 'nothing was thrown';
}

suite('export/encodings-json', test => {
  test('writes AIMET 1.0.0: lists of records, offsets never positive', () => {
    const { placement, encodings } = smallNetwork();
    const file = JSON.parse(encodingsJson(placement, encodings, options)) as Record<string, Record<string, unknown>[]>;
    assert.equal(file['activation_encodings']!.map(({ name }) => name), ['image', 'positive', 'flat', 'logits']);
    assert.equal(file['param_encodings']!.map(({ name }) => name), ['kernel', 'matrix', 'shift', 'offset']);
    assert.equal(file['activation_encodings']![1], { name: 'positive', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [9 / 255], offset: [0] });
    assert.equal(file['param_encodings']![0], { name: 'kernel', enc_type: 'PER_CHANNEL', dtype: 'INT', bw: 8, is_sym: true, scale: [2 / 127, 2 / 127], offset: [-128, -128] });
    assert.equal(file['quantizer_args'], {
      activation_bitwidth: 8, dtype: 'int', is_symmetric: true, param_bitwidth: 8, per_channel_quantization: true, quant_scheme: 'tf_enhanced',
    });
  });

  test('is laid out as ever', async () => {
    const { placement, encodings } = smallNetwork();
    await golden('small-network.encodings-1.0.0.json', encodingsJson(placement, encodings, options));
  });

  test('writes biases as int32 with the step of their products', () => {
    const { placement, encodings } = smallNetwork();
    const { param_encodings: parameters } = JSON.parse(encodingsJson(placement, encodings, options)) as { param_encodings: unknown[] };
    assert.equal(parameters[3], {
      name: 'offset', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 32, is_sym: true,
      scale: [Math.fround(Math.fround(9 / 255) * Math.fround(2 / 127))], offset: [-2147483648],
    });
  });

  test('says nothing of a bias whose step differs from node to node', () => {
    const { placement, encodings } = smallNetwork();
    const biases = [...placement.biases, { tensor: 'shift', input: 'flat', weight: 'matrix', node: 'Gemm_logits' }];
    const text = encodingsJson({ ...placement, biases }, encodings, options);
    assert.not.ok(text.includes('"shift"'));
  });

  test('reads back what it wrote', () => {
    const { placement, encodings } = smallNetwork();
    const { activations, parameters } = readEncodings(encodingsJson(placement, encodings, options), 'encodings.json');
    for (const { tensor, role } of placement.quantizers) {
      assert.equal((role === 'weight' ? parameters : activations).get(tensor), encodings.get(tensor), tensor);
    }
    assert.is(parameters.get('shift')![0]!.grid.bitwidth, 32);
  });

  test('reads back every symmetry', () => {
    for (const symmetry of ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'] as const) {
      const { placement, encodings } = placementOf([{ tensor: 'x', grid: grid(6, symmetry), ranges: [[0, 3]] }]);
      assert.equal(readEncodings(encodingsJson(placement, encodings, options), 'file').activations.get('x'), encodings.get('x'), symmetry);
    }
  });

  // what is wrong with the file, and what the message says after the code and the file's name
  const malformed: [string, string][] = [
    ['', 'not JSON'],
    ['[]', 'must be an object, got a list'],
    ['{"version":"0.4"}', "version must be '1.0.0', got '0.4'"],
    ['{"version":"1.0.0","activation_encodings":{}}', 'activation_encodings: must be a list, got an object'],
    [fileWith(3), 'activation_encodings[0]: must be an object, got a number'],
    [fileWith({ ...entry, name: undefined }), 'activation_encodings[0]: name must be a string, got nothing'],
    [fileWith(entry, entry), "activation_encodings[1]: 'x' has an entry already"],
    [fileWith({ ...entry, bw: 33 }), "activation_encodings[0] ('x'): bw must be an integer from 2 to 32, got 33"],
    [fileWith({ ...entry, dtype: 'FLOAT' }), "activation_encodings[0] ('x'): dtype must be 'INT', got 'FLOAT'"],
    [fileWith({ ...entry, enc_type: 'LPBQ' }), "activation_encodings[0] ('x'): enc_type must be 'PER_TENSOR' or 'PER_CHANNEL', got 'LPBQ'"],
    [fileWith({ ...entry, is_sym: 'False' }), "activation_encodings[0] ('x'): is_sym must be true or false, got a string"],
    [fileWith({ ...entry, offset: [-1, -2] }), "activation_encodings[0] ('x'): scale has 1 values, offset has 2"],
    [fileWith({ ...entry, scale: [1, 2], offset: [0, 0] }), "activation_encodings[0] ('x'): PER_TENSOR with 2 scales"],
    [fileWith({ ...entry, scale: [0] }), "activation_encodings[0] ('x'): channel 0: scale must be a positive number, got 0"],
    [fileWith({ ...entry, offset: [1] }), "activation_encodings[0] ('x'): channel 0: offset must be an integer from -255 to 0, got 1"],
    [fileWith({ ...entry, scale: ['1'] }), "activation_encodings[0] ('x'): scale[0]: must be a number, got a string"],
  ];
  for (const [text, claim] of malformed) {
    test(`refuses a file: ${claim}`, () => {
      const message = messageOf(() => readEncodings(text, 'e.json'));
      assert.ok(message.startsWith(`statistics-invalid e.json: ${claim}`), message);
    });
  }

  test('a file decides which quantizers there are, and their grids', () => {
    const { model, placement, encodings } = smallNetwork();
    const file = readEncodings(fileWith({ ...entry, name: 'image', bw: 4, offset: [-7] }), 'e.json');
    const applied = applyEncodings(model, placement, file, 'e.json');
    assert.equal(applied.placement.quantizers.map(({ tensor, grid: { bitwidth } }) => [tensor, bitwidth]), [['image', 4]]);
    assert.equal(applied.placement.biases, []);
    const whole = applyEncodings(model, placement, readEncodings(encodingsJson(placement, encodings, options), 'e.json'), 'e.json');
    assert.equal(whole.placement, placement);
  });

  test('refuses a file of another model or configuration, naming the tensor', () => {
    const { model, placement } = smallNetwork();
    const apply = (record: object) => messageOf(() => applyEncodings(model, placement, readEncodings(fileWith(record), 'e.json'), 'e.json'));
    assert.is(apply(entry), "statistics-invalid e.json: the model has no tensor 'x'");
    assert.ok(apply({ ...entry, name: 'sum' }).startsWith("config-invalid e.json: the configuration places no quantizer on 'sum'"));
    assert.is(apply({ ...entry, name: 'kernel', enc_type: 'PER_CHANNEL', scale: [1, 1, 1], offset: [0, 0, 0] }),
      "statistics-invalid e.json: 'kernel' has 3 encodings in the file and 2 channels in the model");
  });
});
