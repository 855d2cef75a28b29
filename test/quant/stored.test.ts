import * as assert from 'uvu/assert';

import { type Encoding, fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid, steps, type Symmetry } from '../../pipeline/quant/grid.ts';
import { PER_TENSOR, splitOf } from '../../pipeline/quant/granularity.ts';
import { fakeQuantized, roundHalfEven, scaleOf, storageOf, toStored } from '../../pipeline/quant/stored.ts';
import { fakeQuantWideOracle } from '../oracles/quantize.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';

const symmetries: Symmetry[] = ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'];

// symmetry, bitwidth, signed -> type, lowest and highest stored integer, whether the type saturates there
const storages: [Symmetry, number, boolean, string, number, number, boolean][] = [
  ['asymmetric', 8, false, 'uint8', 0, 255, true],
  ['symmetric', 8, true, 'int8', -128, 127, true],
  ['strict-symmetric', 8, false, 'uint8', 1, 255, false],
  ['strict-symmetric', 8, true, 'int8', -127, 127, false],
  ['symmetric', 4, false, 'uint4', 0, 15, true],
  ['symmetric', 4, true, 'int4', -8, 7, true],
  ['strict-symmetric', 3, true, 'int4', -3, 3, false],
  ['symmetric', 7, true, 'int8', -64, 63, false],
  ['asymmetric', 16, false, 'uint16', 0, 65535, true],
  ['symmetric', 12, true, 'int16', -2048, 2047, false],
];

suite('quant/stored', test => {
  for (const [symmetry, bitwidth, signed, dtype, lowest, highest, saturates] of storages) {
    test(`stores a ${symmetry} grid of ${bitwidth} bits as ${dtype} from ${lowest} to ${highest}`, () => {
      assert.equal(storageOf(grid(bitwidth, symmetry), signed), { dtype, lowest, highest, saturates });
    });
  }

  test('rounds ties to even and keeps what is whole already', () => {
    assert.equal([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 3e9 + 0.5, 2 ** 60].map(x => roundHalfEven(x) + 0), [0, 2, 2, 0, -2, 2, 3e9, 2 ** 60]);
  });

  test('quantizes by hand-checked values, and saturates', () => {
    const encoding = fitEncoding(-1, 1.55, grid(8)); // delta 0.01, offset -100
    const stored = toStored(Float32Array.of(-9, -1, 0, 0.01, 1.55, 9), splitOf([6], PER_TENSOR), [encoding], storageOf(encoding.grid, false));
    assert.equal([...stored], [0, 0, 100, 101, 255, 255]);
  });

  for (const symmetry of symmetries) {
    test(`fake quantization is what storing and reading back gives (${symmetry})`, () => {
      const encodings = [1, 3].map(bound => fitEncoding(symmetry === 'unsigned-symmetric' ? 0 : -bound, bound, grid(8, symmetry)));
      const values = floats(2 * 2 * 7), split = splitOf([2, 2, 7], { kind: 'channel', axis: 1 });
      const storage = storageOf(encodings[0]!.grid, true);
      const back = Float32Array.from(toStored(values, split, encodings, storage), (stored, i) => dequantize(stored, encodings[Math.floor(i / 7) % 2]!, storage.lowest));
      sameBits(fakeQuantized(values, split, encodings), back);
    });
  }

  test('fake quantization of more than 16 bits is exact where float32 quotients would not be', () => {
    for (const bitwidth of [17, 24, 32]) {
      const encoding = fitEncoding(-3.7, 2.9, grid(bitwidth)), highest = steps(encoding.grid);
      const values = floats(1000, { seed: bitwidth }), terms = { scale: encoding.delta, zeroPoint: -encoding.offset, lowest: 0, highest };
      sameBits(fakeQuantized(values, splitOf([1000], PER_TENSOR), [encoding]), values.map(x => fakeQuantWideOracle(x, terms)), `${bitwidth} bits`);
    }
  });

  test('fake quantization again changes nothing', () => {
    for (const bitwidth of [2, 4, 8, 16, 24, 32]) {
      const encoding = fitEncoding(-3.7, 2.9, grid(bitwidth));
      const split = splitOf([100], PER_TENSOR);
      const once = fakeQuantized(floats(100), split, [encoding]);
      sameBits(fakeQuantized(once, split, [encoding]), once, `${bitwidth} bits`);
      assert.ok(once.every(value => value >= encoding.min * 1.001 && value <= encoding.max * 1.001));
      assert.ok(steps(encoding.grid) > 0);
    }
  });
});

/** ONNX's DequantizeLinear, spelled out. */
function dequantize(stored: number, encoding: Encoding, lowest: number): number {
  return Math.fround((stored - (lowest - encoding.offset)) * scaleOf(encoding));
}
