import * as assert from 'uvu/assert';

import type { DType, TensorData } from '../../pipeline/base/tensor.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { decodeMessage, encodeMessage } from '../../pipeline/onnx/schema.ts';
import { StoredTensor } from '../../pipeline/onnx/stored-tensor.ts';
import { writeInitializer } from '../../pipeline/onnx/write-initializer.ts';
import { suite } from '../support/suite.ts';
import { type Bytes, concat, field, fixed, rawData, tensor, varint } from '../support/wire.ts';

const bytesOf = (...values: number[]) => Uint8Array.from(values);
const packed = (number: number, ...values: (number | bigint)[]) => field(number, concat(...values.map(varint)));
const floatBits = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const doubleBits = (...values: number[]) => new Uint8Array(Float64Array.from(values).buffer);

// element type code, its dtype, raw_data (little-endian), the typed form, the elements
const types: [number, DType, Bytes | null, Bytes, TensorData][] = [
  [1, 'float32', bytesOf(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0), field(4, floatBits(1, -2)), Float32Array.of(1, -2)],
  [2, 'uint8', bytesOf(1, 255), packed(5, 1, 255), Uint8Array.of(1, 255)],
  [3, 'int8', bytesOf(1, 255), packed(5, 1, -1), Int8Array.of(1, -1)],
  [4, 'uint16', bytesOf(1, 0, 0xff, 0xff), packed(5, 1, 65535), Uint16Array.of(1, 65535)],
  [5, 'int16', bytesOf(1, 0, 0xfe, 0xff), packed(5, 1, -2), Int16Array.of(1, -2)],
  [6, 'int32', bytesOf(1, 0, 0, 0, 0, 0, 0, 0x80), packed(5, 1, -(2 ** 31)), Int32Array.of(1, -(2 ** 31))],
  [7, 'int64', bytesOf(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80), packed(7, 1, -(2n ** 63n)), BigInt64Array.of(1n, -(2n ** 63n))],
  [8, 'string', null, concat(field(6, 'é'), field(6, '')), ['é', '']],
  [9, 'bool', bytesOf(1, 0), packed(5, 1, 0), Uint8Array.of(1, 0)],
  [10, 'float16', bytesOf(0, 0x3c, 1, 0xfc), packed(5, 0x3c00, 0xfc01), Uint16Array.of(0x3c00, 0xfc01)],
  [11, 'float64', doubleBits(0.1, -0), field(10, doubleBits(0.1, -0)), Float64Array.of(0.1, -0)],
  [12, 'uint32', bytesOf(1, 0, 0, 0, 255, 255, 255, 255), packed(11, 1, 2 ** 32 - 1), Uint32Array.of(1, 2 ** 32 - 1)],
  [13, 'uint64', bytesOf(1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255), packed(11, 1, 2n ** 64n - 1n), BigUint64Array.of(1n, 2n ** 64n - 1n)],
  [16, 'bfloat16', bytesOf(0x80, 0x3f, 0x80, 0xff), packed(5, 0x3f80, 0xff80), Uint16Array.of(0x3f80, 0xff80)],
  [21, 'uint4', bytesOf(0xf1), packed(5, 0xf1), Uint8Array.of(1, 15)],
  [22, 'int4', bytesOf(0x87), packed(5, 0x87), Int8Array.of(7, -8)],
];

function stored(bytes: Bytes): StoredTensor {
  return new StoredTensor(decodeMessage('TensorProto', bytes), "initializer 'w'", null);
}

suite('onnx/stored-tensor', test => {
  for (const [code, dtype, raw, typed, data] of types) {
    test(`reads ${dtype} from its typed field${raw === null ? '' : ' and from raw_data'}, and writes it`, () => {
      for (const content of raw === null ? [typed] : [typed, rawData(raw)]) {
        assert.equal(stored(tensor('w', [2], code, content)).read(), { dtype, dims: [2], data });
      }
      const written = writeInitializer('w', initializerOf({ dtype, dims: [2], data }));
      assert.equal(encodeMessage('TensorProto', written), tensorInOrder(2, code, raw === null ? typed : null, raw));
    });
  }

  test('reads an odd number of 4-bit elements, and none', () => {
    assert.equal(stored(tensor('w', [3], 22, rawData(bytesOf(0x21, 0xf3)))).read().data, Int8Array.of(1, 2, 3));
    const three = writeInitializer('w', initializerOf({ dtype: 'int4', dims: [3], data: Int8Array.of(1, 2, -1) }));
    assert.equal(three.rawData, bytesOf(0x21, 0x0f));
    for (const [code, dtype, , , data] of types) assert.equal(stored(tensor('w', [0, 5], code)).read(), { dtype, dims: [0, 5], data: data.slice(0, 0) });
  });

  test('reads typed fields whose writer did not pack them, or split them', () => {
    assert.equal(stored(tensor('w', [2], 1, fixed(4, floatBits(1)), fixed(4, floatBits(-2)))).read().data, Float32Array.of(1, -2));
    assert.equal(stored(tensor('w', [3], 7, field(7, 5), packed(7, -1), field(7, 300))).read().data, BigInt64Array.of(5n, -1n, 300n));
  });

  test('reads integers of the ten bytes that a varint may have', () => {
    assert.equal(stored(tensor('w', [2], 7, packed(7, -1, -(2n ** 63n)))).read().data, BigInt64Array.of(-1n, -(2n ** 63n)));
  });

  test('keeps the bits of a NaN', () => {
    const nan = bytesOf(0x01, 0, 0xa0, 0x7f);
    for (const content of [field(4, nan), rawData(nan)]) {
      const { data } = stored(tensor('w', [1], 1, content)).read();
      assert.equal(new Uint8Array((data as Float32Array).buffer, (data as Float32Array).byteOffset, 4), nan);
    }
  });

  test('hands out raw content as a view of the file where it is aligned, else as a copy', () => {
    const views = [0, 1, 2, 3].map(shift => {
      const bytes = tensor('w'.padEnd(1 + shift), [1], 1, rawData(floatBits(7)));
      const file = new Uint8Array(16 + bytes.length);
      file.set(bytes, shift);
      const { data } = stored(file.subarray(shift, shift + bytes.length)).read();
      assert.equal([...data as Float32Array], [7]);
      return (data as Float32Array).buffer === file.buffer;
    });
    assert.is(views.filter(isView => isView).length, 1);
  });

  test('carries element types that it cannot read, and says so when asked', () => {
    for (const [code, bits] of [[14, 64], [15, 128], [17, 8], [20, 8], [23, 4], [24, 8], [25, 2], [26, 2]] as const) {
      const other = stored(tensor('w', [4], code, rawData(new Uint8Array(bits / 2))));
      assert.is(other.dtype, 'other');
      assert.throws(() => other.read(), (error: Error) => error.message === `initializer 'w' has element type ${code}, which cannot be read`);
    }
  });
});

/** The order in which the format's fields are written. */
function tensorInOrder(dim: number, code: number, typed: Bytes | null, raw: Bytes | null): Bytes {
  return concat(field(1, dim), field(2, code), typed ?? bytesOf(), field(8, 'w'), raw === null ? bytesOf() : rawData(raw));
}
