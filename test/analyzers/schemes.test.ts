import * as assert from 'uvu/assert';

import { findEncoding, schemes, type SchemeName } from '../../pipeline/analyzers/index.ts';
import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { fitEncoding, type Encoding } from '../../pipeline/quant/encoding.ts';
import { grid, steps, type Symmetry } from '../../pipeline/quant/grid.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

const kernels = await Kernels.load();
const options = { gamma: 3, percentile: 99.9 };
const names = Object.keys(schemes) as SchemeName[];
const symmetries: Symmetry[] = ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'];

/** Inputs at the edges of what float32 holds. */
const awkward: Record<string, Float32Array> = {
  'all zero': new Float32Array(100),
  'negative zeros': new Float32Array(100).fill(-0),
  'one value': Float32Array.of(1.7),
  'one negative value': Float32Array.of(-1.7),
  'a constant': new Float32Array(100).fill(0.3),
  'tiny': floats(100, { min: -1e-30, max: 1e-30 }),
  'huge': floats(100, { min: -1e30, max: 1e30 }),
  'a denormal': Float32Array.of(1e-42, 0),
  'the largest floats': Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1),
  'with Inf and NaN': Float32Array.of(Infinity, 1, NaN, -2, -Infinity, NaN, 0.5),
  'positive': floats(100, { min: 3, max: 4 }),
  'negative': floats(100, { min: -4, max: -3 }),
};

function checkValid({ min, max, delta, offset, grid }: Encoding, what: string): void {
  assert.ok(delta > 0 && delta < Infinity, `${what}: delta ${delta}`);
  assert.ok(Number.isInteger(offset) && offset <= 0 && offset >= -steps(grid) && !Object.is(offset, -0), `${what}: offset ${offset}`);
  const beyondFloat = Math.max(-delta * offset, delta * (steps(grid) + offset)) > 3.4028234663852886e38; // may be cut
  const slack = 1e-12 * delta * steps(grid);
  assert.ok(Math.abs(min - delta * offset) <= slack || beyondFloat, `${what}: min ${min} is not delta * offset = ${delta * offset}`);
  assert.ok(max > min && Number.isFinite(max) && Number.isFinite(min), `${what}: [${min}, ${max}]`);
}

suite('analyzers/schemes', test => {
  for (const name of names) {
    test(`${name} gives a valid encoding, whatever was seen, on every grid`, () => {
      for (const [what, values] of Object.entries(awkward)) {
        for (const symmetry of symmetries) {
          for (let bitwidth = 2; bitwidth <= 32; bitwidth++) {
            const encoding = findEncoding(kernels, name, { kind: 'values', values }, grid(bitwidth, symmetry), options);
            checkValid(encoding, `${what}, ${symmetry}, ${bitwidth} bits`);
          }
        }
      }
    });

    test(`${name} says so when no finite value was seen`, () => {
      for (const values of [new Float32Array(0), Float32Array.of(NaN, Infinity, -Infinity)]) {
        assert.throws(() => findEncoding(kernels, name, { kind: 'values', values }, grid(8), options),
          (error: unknown) => error instanceof QuantpipeError && error.code === 'statistics-missing' && /no finite value/.test(error.message));
      }
    });
  }

  test('min-max is the encoding fitted to the finite range, to the bit', () => {
    for (const values of Object.values(awkward)) {
      const finite = values.filter(x => Number.isFinite(x));
      for (const symmetry of symmetries) {
        for (const bitwidth of [2, 4, 8, 16, 32]) {
          const found = findEncoding(kernels, 'min-max', { kind: 'values', values }, grid(bitwidth, symmetry), options);
          assert.equal(found, fitEncoding(Math.min(...finite), Math.max(...finite), grid(bitwidth, symmetry)));
        }
      }
    }
  });
});
