import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';
import { builds } from './builds.ts';

/** Ties, saturation, both zeros and subnormals among ordinary values. NaN is left out: this engine stores it as 0, its x64 build as the lowest code. */
function awkwardValues(scale: number): Float32Array {
  const ties = Float32Array.from({ length: 600 }, (_, i) => (i - 300) * scale / 2);
  return Float32Array.of(...ties, 0, -0, 1e-45, -1e-45, 3.4e38, -3.4e38, Infinity, -Infinity, ...floats(2000, { seed: 6, min: -200 * scale, max: 200 * scale }));
}

// stored type, its lowest code, zero point
const cases = [
  ['uint8', 0, 131], ['uint8', 0, 0], ['int8', -128, 0], ['int8', -128, -128], ['int8', -128, 17],
] as const;

suite('kernels/onnxruntime', test => {
  for (const [dtype, lowestCode, zeroPoint] of cases) {
    for (const scale of [0.5, 0.1, 1 / 3, 3e-5]) {
      test(`quantizes to ${dtype} with scale ${scale} and zero point ${zeroPoint} as ONNX Runtime does, to the bit`, async () => {
        const values = awkwardValues(scale);
        const { codes, reals } = await runOnnx(values, { scale, zeroPoint, dtype });
        const map = { delta: scale, offset: lowestCode - zeroPoint, steps: 255 };
        for (const { name, kernels } of builds) {
          const ours = dtype === 'uint8' ? new Uint8Array(values.length) : new Int8Array(values.length);
          kernels.quantize(values, ours, map, lowestCode);
          sameBits(Float32Array.from(ours), Float32Array.from(codes.data as Uint8Array), `${name}: codes`);
          const out = new Float32Array(values.length);
          kernels.fakeQuant(values, out, map);
          sameBits(out, reals.data as Float32Array, `${name}: reals`);
        }
      });
    }
  }
});

interface Stored { readonly scale: number; readonly zeroPoint: number; readonly dtype: 'uint8' | 'int8' }

/** QuantizeLinear, then DequantizeLinear, by the engine, neither fused nor optimized. */
async function runOnnx(values: Float32Array, { scale, zeroPoint, dtype }: Stored): Promise<{ codes: Tensor; reals: Tensor }> {
  const shape = [values.length];
  const model = buildModel({
    inputs: { x: shape },
    weights: {
      scale: float32Tensor([], Float32Array.of(scale)),
      zero: { dtype, dims: [], data: dtype === 'uint8' ? Uint8Array.of(zeroPoint) : Int8Array.of(zeroPoint) },
    },
    nodes: [
      { op: 'QuantizeLinear', in: ['x', 'scale', 'zero'], out: ['codes'] },
      { op: 'DequantizeLinear', in: ['codes', 'scale', 'zero'], out: ['reals'] },
    ],
    outputs: { codes: { dtype, shape }, reals: shape },
  });
  const session = await (await openEngine('web')).load(writeModel(model), { fuseQuantized: false, optimize: 'disabled' });
  try {
    const { codes, reals } = await session.run({ x: float32Tensor(shape, values) });
    return { codes: codes!, reals: reals! };
  } finally {
    await session.close();
  }
}
