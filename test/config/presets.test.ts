import * as assert from 'uvu/assert';

import { loadConfig, presetNames } from '../../pipeline/config/presets/index.ts';
import { suite } from '../support/suite.ts';
import { USUAL } from './sketches.ts';

suite('config/presets', test => {
  for (const name of presetNames) {
    test(`the preset ${name} says nothing that has no effect`, () => assert.equal(loadConfig(name).warnings, []));
  }

  test('the presets differ in the granularity of weights only', () => {
    const [perTensor, perChannel] = [loadConfig('default'), loadConfig('per-channel')];
    assert.is(perTensor.defaults.perChannel, false);
    assert.equal({ ...perTensor, defaults: { ...perTensor.defaults, perChannel: true } }, perChannel);
  });

  test('a JSON value is a configuration of its own', () => assert.is(loadConfig(USUAL, 'my.json').modelInput.isInputQuantized, true));

  test('an unknown preset lists those there are', () => {
    assert.throws(() => loadConfig('perchannel'), (error: Error) => error.message === "there is no preset 'perchannel'; presets are default, per-channel");
    assert.throws(() => loadConfig('toString'), (error: Error) => error.message === "there is no preset 'toString'; presets are default, per-channel");
  });
});
