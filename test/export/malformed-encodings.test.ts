import * as assert from 'uvu/assert';

import { readEncodings } from '../../pipeline/export/read-encodings.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';

const read = (document: unknown) => readEncodings(typeof document === 'string' ? document : JSON.stringify(document), 'e.json');

const record = { name: 'x', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [0.01], offset: [-100] };
const file = (...records: unknown[]) => ({ version: '1.0.0', activation_encodings: records, param_encodings: [] });
const lpbq = { ...record, enc_type: 'LPBQ', is_sym: true, compressed_bw: 4, block_size: 2, per_block_int_scale: [16, 6], offset: [-128] };
const old = { bitwidth: 8, dtype: 'int', is_symmetric: 'False', min: -1, max: 1.55, scale: 0.01, offset: -100 };
const file061 = (...records: unknown[]) => ({ version: '0.6.1', activation_encodings: { x: records }, param_encodings: {} });
const flat = { name: 'x', output_dtype: 'uint8', y_scale: 0.01, y_zero_point: 100 };
const file200 = (entry: object, version = '2.0.0') => ({ version, encodings: [{ ...flat, ...entry }] });
const blocked = { axis: 1, block_size: 2, y_scale: [[1, 2], [3, 4]], y_zero_point: 0 };

// what is wrong with the file, and what the message says after the code
const malformed: [unknown, string][] = [
  ['', 'e.json: not JSON (is the file whole?): Unexpected end of JSON input'],
  [JSON.stringify(file(record)).slice(0, -40), 'e.json: not JSON (is the file whole?): '],
  [[], 'e.json: expected an object, got []'],
  [{ version: '1.1.0' }, 'version: expected one of the known versions 0.4.0, 0.6.1, 1.0.0, 2.0.0, 2.1.0, got "1.1.0"'],
  [{ version: 1 }, 'version: expected one of the known versions'],
  [{ version: '1.0.0', param_encodings: [] }, "e.json: has no 'activation_encodings'"],
  [{ version: '1.0.0', activation_encodings: {}, param_encodings: [] }, 'activation_encodings: expected a list, got {}'],
  [{ ...file(record), version: undefined }, "e.json: has no 'version'; its form is that of 1.0.0"],
  [{ param_encodings: [record] }, "e.json: has no 'version'; its form is that of 1.0.0"],
  [{ ...file200({}), version: undefined }, "e.json: has no 'version'; its form is that of 2.0.0"],
  [file(3), 'activation_encodings[0]: expected an object, got 3'],
  [file({ ...record, name: undefined }), "activation_encodings[0]: has no 'name'"],
  [file(record, record), "activation_encodings[1]: 'x' has an entry already, activation_encodings[0]"],
  [{ ...file(record), param_encodings: [record] }, "param_encodings[0]: 'x' has an entry already, activation_encodings[0]"],
  [file({ ...record, zero_point_shift: 0.5 }), 'activation_encodings[0].zero_point_shift: a zero point shifted by 0.5 leaves zero without a code; only whole ones can be simulated'],
  [file({ ...record, zero_point_shift: [0, -0.5] }), 'activation_encodings[0].zero_point_shift: a zero point shifted by -0.5 leaves'],
  [JSON.stringify(file(record)).replace('0.01', '1e400'), 'activation_encodings[0].scale[0]: expected a number that float32 can hold, got a number too large for a float64'],
  [JSON.stringify(file(record)).replace('"bw":8', '"bw":8,"bw":4'), 'activation_encodings[0].bw: the key stands there twice'],
  [file({ ...record, bw: 33 }), 'activation_encodings[0].bw: expected an integer from 2 to 32, got 33'],
  [file({ ...record, bw: '8' }), 'activation_encodings[0].bw: expected an integer from 2 to 32, got "8"'],
  [file({ ...record, dtype: 'INT8' }), 'activation_encodings[0].dtype: expected "INT" or "FLOAT", got "INT8"'],
  [file({ name: 'x', enc_type: 'PER_TENSOR', dtype: 'FLOAT', bw: 32 }), 'activation_encodings[0].bw: expected 16, got 32'],
  [file({ ...record, enc_type: 'VECTOR' }), 'activation_encodings[0].enc_type: expected "PER_TENSOR" or "PER_CHANNEL" or "PER_BLOCK" or "LPBQ", got "VECTOR"'],
  [file({ ...record, is_sym: 1 }), 'activation_encodings[0].is_sym: expected "True" or "False", got 1'],
  [file({ ...record, offset: [-1, -2] }), 'activation_encodings[0].offset: has 2 values, scale has 1'],
  [file({ ...record, scale: [1, 2], offset: [0, 0] }), 'activation_encodings[0].scale: PER_TENSOR has 1 value, got 2'],
  [file({ ...record, scale: [], offset: [] }), 'activation_encodings[0].scale: expected at least one value, got []'],
  [file({ ...record, scale: [0] }), 'activation_encodings[0].scale[0]: expected a positive number, got 0'],
  [file({ ...record, scale: [-0.01] }), 'activation_encodings[0].scale[0]: expected a positive number, got -0.01'],
  [file({ ...record, scale: [1e-50] }), 'activation_encodings[0].scale[0]: expected a number that float32 can hold, got 1e-50'],
  [file({ ...record, scale: [1e39] }), 'activation_encodings[0].scale[0]: expected a number that float32 can hold, got 1e+39'],
  [file({ ...record, scale: ['0.01'] }), 'activation_encodings[0].scale[0]: expected a positive number, got "0.01"'],
  [JSON.stringify(file(record)).replace('0.01', 'NaN'), 'activation_encodings[0].scale[0]: expected a positive number, got "NaN"'],
  [JSON.stringify(file(record)).replace('0.01', '-Infinity'), 'activation_encodings[0].scale[0]: expected a positive number, got "-Infinity"'],
  [file({ ...record, offset: [100] }), 'activation_encodings[0].offset[0]: expected an integer from -255 to 0, got 100'],
  [file({ ...record, offset: [-256] }), 'activation_encodings[0].offset[0]: expected an integer from -255 to 0, got -256'],
  [file({ ...record, offset: [-0.5] }), 'activation_encodings[0].offset[0]: expected an integer from -255 to 0, got -0.5'],
  [file({ ...record, is_sym: true }), 'activation_encodings[0].offset[0]: expected -128, -127 or 0, those of symmetric grids of 8 bits, got -100'],
  [file({ ...record, enc_type: 'PER_CHANNEL', is_sym: true, scale: [1, 1], offset: [-127, -128] }), 'activation_encodings[0].offset: channel 0 is strict-symmetric with 8 bits, channel 1 is symmetric with 8'],
  [file({ ...record, enc_type: 'PER_BLOCK' }), "activation_encodings[0]: has no 'block_size'"],
  [file({ ...record, enc_type: 'PER_BLOCK', block_size: 0 }), 'activation_encodings[0].block_size: expected an integer from 1 to'],
  [file({ ...lpbq, is_sym: false }), 'activation_encodings[0].is_sym: expected true: LPBQ is symmetric, got false'],
  [file({ ...lpbq, compressed_bw: 9 }), 'activation_encodings[0].compressed_bw: expected an integer from 2 to 8, got 9'],
  [file({ ...lpbq, per_block_int_scale: [16, 0] }), 'activation_encodings[0].per_block_int_scale[1]: expected an integer from 1 to 65535, got 0'],
  [file({ ...lpbq, scale: [1, 1], offset: [-128, -128], per_block_int_scale: [1, 2, 3] }), 'activation_encodings[0].per_block_int_scale: 3 blocks do not divide among 2 channels'],
  [file({ ...lpbq, offset: [-8] }), 'activation_encodings[0].offset[0]: expected an integer from -128 to -128, got -8'],
  [{ version: '0.6.1', activation_encodings: [], param_encodings: {} }, 'activation_encodings: expected an object, got []'],
  [file061(), 'activation_encodings.x: expected a record for each channel, got []'],
  [file061({ ...old, dtype: undefined }), "activation_encodings.x[0]: has no 'dtype'"],
  [file061({ ...old, scale: 0 }), 'activation_encodings.x[0].scale: expected a positive number, got 0'],
  [file061({ ...old, offset: 100 }), 'activation_encodings.x[0].offset: expected an integer from -255 to 0, got 100'],
  [file061({ ...old, min: -2 }), 'activation_encodings.x[0].min: expected -1, which scale and offset give, got -2'],
  [file061(old, { ...old, bitwidth: 16 }), 'activation_encodings.x[1].max: expected 654.35'],
  [file061(old, { ...old, bitwidth: 9, max: 4.11 }), 'activation_encodings.x: channel 0 is asymmetric with 8 bits, channel 1 is asymmetric with 9'],
  [file061(old, { bitwidth: 16, dtype: 'float' }), 'activation_encodings.x[1].dtype: expected "int", as in the first channel, got "float"'],
  [{ version: '2.0.0' }, "e.json: has no 'encodings'"],
  [file200({ output_dtype: 'int6' }), 'encodings[0].output_dtype: expected "int2" or'],
  [file200({ output_dtype: 'float4e2m1' }, '2.1.0'), 'encodings[0].output_dtype: codes that are floating-point numbers (float4e2m1) have no grid'],
  [file200({ y_scale: 0 }), 'encodings[0].y_scale: expected a positive number, got 0'],
  [file200({ y_zero_point: 256 }), 'encodings[0].y_zero_point: expected an integer from 0 to 255, got 256'],
  [file200({ y_zero_point: -1 }), 'encodings[0].y_zero_point: expected an integer from 0 to 255, got -1'],
  [file200({ output_dtype: 'int2', axis: 0, y_scale: [1, 2], y_zero_point: [-0.5, -0.5] }), 'encodings[0].y_zero_point[0]: a zero point of -0.5 leaves zero without a code'],
  [file200({ y_scale: [1, 2], y_zero_point: 0 }), "encodings[0]: has no 'axis'"],
  [file200({ y_scale: [1, 2], axis: 0, y_zero_point: [1, 2, 3] }), "encodings[0].y_zero_point: has shape [3], which does not fit the scales' [2]"],
  [file200({ y_scale: [[1, 2], [3, 4]], axis: 0, y_zero_point: 0 }), 'encodings[0]: one scale per channel is a flat list, got 2 levels'],
  [file200({ ...blocked, y_scale: [[1, 2], [3]] }), 'encodings[0].y_scale[1]: has shape [1], the first of its list [2]'],
  [file200({ ...blocked, axis: 2 }), 'encodings[0]: blocks along axis 2 need scales of at least 2 dimensions, one of them that axis; got [2, 2]'],
  [file200({ ...blocked, y_scale: [[[1, 2], [3, 4]], [[1, 2], [3, 4]]] }), 'encodings[0]: blocks have one dimension of channels, got scales of shape [2, 2, 2] with blocks along axis 1'],
  [file200({ y_scale: { x: [1, 2], x_scale: 0.5, input_dtype: 'float8e4m3fn' } }, '2.1.0'), 'encodings[0].y_scale.input_dtype: scales that are floating-point codes cannot be read'],
  [file200({ y_scale: { x: [4, 2], x_scale: 0.5, x_zero_point: 2 }, axis: 0, y_zero_point: 0 }, '2.1.0'), 'encodings[0].y_scale: scale 1 would be 0 times x_scale'],
];

suite('export/malformed-encodings', test => {
  test('what the cases break is whole', () => {
    for (const whole of [file(record), file({ ...record, zero_point_shift: [0] }), `\uFEFF${JSON.stringify(file(record))}`, file(lpbq), file061(old), file200({}), file200(blocked)]) read(whole);
  });

  for (const [document, claim] of malformed) {
    test(`refuses a file: ${claim}`, () => {
      const message = messageOf(() => read(document));
      assert.ok(message.startsWith(`encodings-invalid ${claim}`), message);
    });
  }
});
