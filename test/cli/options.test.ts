import { Command } from 'commander';
import * as assert from 'uvu/assert';

import { dataOptions, placementOptions, schemeOptions, shardOption } from '../../cli/options.ts';
import { suite } from '../support/suite.ts';

/** What commander makes of the arguments, or the message it refuses them with. */
function parse(...args: string[]): Record<string, unknown> | string {
  const command = new Command('x').exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const add of [placementOptions, schemeOptions, dataOptions, shardOption]) add(command);
  try {
    return command.parse(args, { from: 'user' }).opts();
  } catch (error) {
    return (error as Error).message;
  }
}

const accepted: [args: string[], name: string, value: unknown][] = [
  [['--shard', '0/3'], 'shard', { index: 0, count: 3 }],
  [['--mean', '0.1,0.2,0.3'], 'mean', [0.1, 0.2, 0.3]],
  [['--input', 'x=pixels', '--input', 'mask=m'], 'input', { x: 'pixels', mask: 'm' }],
  [['--weight-bits', '4'], 'weightBits', 4],
  [['--gamma', '30'], 'gamma', 30],
  [['--percentile', '99.9'], 'percentile', 99.9],
];

const refused: [args: string[], message: RegExp][] = [
  [['--shard', '3/3'], /expected I\/N with I from 0 to N-1, got '3\/3'/],
  [['--shard', '1'], /expected I\/N/],
  [['--weight-bits', '33'], /bit-width must be a whole number from 2 to 8, got '33'/],
  [['--activation-bits', '1'], /from 4 to 8, got '1'/],
  [['--gamma', '0'], /gamma must be a number of at least 1, got '0'/],
  [['--gamma', 'x'], /got 'x'/],
  [['--percentile', '50'], /above 50, at most 100, got '50'/],
  [['--input', 'pixels'], /expected NAME=COLUMN, got 'pixels'/],
  [['--mean', '1,,2'], /got ''/],
  [['--limit', '0'], /limit must be a whole number of at least 1, got '0'/],
  [['--scheme', 'best'], /Allowed choices are min-max, tf-enhanced/],
  [['--per-channel', '--per-tensor'], /cannot be used with/],
  [['--per-tensor', '--config', 'x.json'], /cannot be used with/],
];

suite('cli/options', test => {
  for (const [args, name, value] of accepted) {
    test(`reads ${args.join(' ')}`, () => {
      const options = parse(...args);
      assert.equal((options as Record<string, unknown>)[name], value);
    });
  }
  for (const [args, message] of refused) {
    test(`refuses ${args.join(' ')}`, () => assert.match(String(parse(...args)), message));
  }
});
