import * as assert from 'uvu/assert';

import { fromRaw } from '../../pipeline/onnx/tensor-data.ts';
import { suite } from '../support/suite.ts';

suite('onnx/tensor-data', test => {
  test('reads raw data wherever it lies, in plain bytes and in a Buffer', () => {
    const content = new Uint8Array(Float32Array.of(1, -2).buffer);
    for (const bytes of [new Uint8Array(17), Buffer.alloc(17)]) {
      for (let at = 0; at < 8; at++) {
        bytes.set(content, at);
        assert.equal([...fromRaw(bytes.subarray(at, at + 8), 'float32', 2) as Float32Array], [1, -2], `at ${at}`);
      }
    }
  });
});
