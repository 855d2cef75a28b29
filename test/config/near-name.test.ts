import * as assert from 'uvu/assert';

import { didYouMean } from '../../pipeline/config/near-name.ts';
import { suite } from '../support/suite.ts';

const names = ['Conv', 'ConvTranspose', 'Gemm'];

suite('config/near-name', test => {
  const cases: [name: string, suggested: string | null][] = [
    ['Cnov', 'Conv'], ['Covn', 'Conv'], ['Cvno', null], ['Convv', 'Conv'], ['conv', 'Conv'], ['Con', 'Conv'], ['ConvTransposed', 'ConvTranspose'], ['Gem', 'Gemm'], ['Gam', null], ['Softmax', null], ['', null],
  ];
  for (const [name, suggested] of cases) {
    test(`'${name}' is ${suggested === null ? 'near no name' : `near '${suggested}'`}`, () => {
      assert.is(didYouMean(name, names), suggested === null ? '' : `; did you mean '${suggested}'?`);
    });
  }
});
