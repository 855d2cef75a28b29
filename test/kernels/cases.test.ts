import { edgeLengths } from '../support/lengths.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { near } from '../support/tensors.ts';
import { builds } from './builds.ts';
import { kernelCases } from './cases.ts';

const specials = [NaN, Infinity, -Infinity, 0, -0, 1e-45, 3.4e38];

for (const { name: build, kernels } of builds) suite(`kernels/cases, ${build}`, test => {
  for (const { name, step, kernel, oracle, tolerance } of kernelCases) {
    test(`${name} agrees with its oracle at every length around its step`, () => {
      for (const length of edgeLengths(step)) {
        const values = floats(length, { seed: length });
        near(kernel(kernels, values), oracle(values), tolerance, `${name}(${length})`);
      }
    });

    test(`${name} agrees on special values wherever they stand`, () => {
      for (const special of specials) {
        for (let at = 0; at < 2 * step + 3; at++) {
          const values = floats(2 * step + 3, { seed: at }).with(at, special);
          near(kernel(kernels, values), oracle(values), tolerance, `${name} with ${special} at ${at}`);
        }
      }
    });
  }
});
