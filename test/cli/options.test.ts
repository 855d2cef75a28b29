import { Command } from 'commander';
import * as assert from 'uvu/assert';

import { simOptions } from '../../cli/calibration.ts';
import { dataOptions, type PlacementOptions, placementOptions, schemeOptions, shardOption } from '../../cli/options.ts';
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
  [['--weight-bits', 'bfloat16'], 'weightBits', 'bfloat16'],
  [['--activation-bits', '32'], 'activationBits', 32],
  [['--block-size', '32'], 'blockSize', 32],
  [['--quantize-bias', 'false'], 'quantizeBias', 'false'],
  [['--gamma', '30'], 'gamma', 30],
  [['--percentile', '99.9'], 'percentile', 99.9],
];

const refused: [args: string[], message: RegExp][] = [
  [['--shard', '3/3'], /expected I\/N with I from 0 to N-1, got '3\/3'/],
  [['--shard', '1'], /expected I\/N/],
  [['--weight-bits', '33'], /bit-width must be a whole number from 2 to 32, or float16 or bfloat16, got '33'/],
  [['--weight-bits', 'fp16'], /from 2 to 32, or float16 or bfloat16, got 'fp16'/],
  [['--activation-bits', '1'], /from 4 to 32, or float16, bfloat16 or float32, got '1'/],
  [['--weight-bits', 'float32'], /from 2 to 32, or float16 or bfloat16, got 'float32'/],
  [['--activation-bits', 'float8'], /got 'float8'/],
  [['--block-size', '0'], /block size must be a whole number of at least 1, got '0'/],
  [['--quantize-bias', 'no'], /Allowed choices are true, false/],
  [['--gamma', '0'], /gamma must be a number of at least 1, got '0'/],
  [['--gamma', 'x'], /got 'x'/],
  [['--percentile', '50'], /above 50, at most 100, got '50'/],
  [['--input', 'pixels'], /expected NAME=COLUMN, got 'pixels'/],
  [['--input', 'x=a', '--input', 'x=b'], /'x' was given 'a' before, and now 'b'/],
  [['--pad', 'ids=0', '--pad', 'ids=1'], /'ids' was given '0' before, and now '1'/],
  [['--mean', '1,,2'], /got ''/],
  [['--limit', '0'], /limit must be a whole number of at least 1, got '0'/],
  [['--scheme', 'best'], /Allowed choices are min-max, tf-enhanced/],
  [['--per-channel', '--per-tensor'], /cannot be used with/],
  [['--per-tensor', '--config', 'x.json'], /cannot be used with/],
];

const placement = { foldBatchNorm: true };

suite('cli/options', test => {
  test('become options of the simulation', () => {
    const given = (options: Partial<PlacementOptions>) => {
      const { config, foldBatchNorm, ...rest } = simOptions({ ...placement, ...options });
      return rest;
    };
    assert.equal(given({}), {});
    assert.equal(given({ weightBits: 4, activationBits: 'float16', reduceRange: true, quantizeBias: 'false' }), { weightBitwidth: 4, activationFormat: 'float16', reduceRange: true, quantizeBias: false });
    assert.equal(given({ blockSize: 32 }), { blocks: { blockSize: 32, decompressedBitwidth: null, undivided: 'refuse' } });
    assert.equal(given({ blockSize: 32, blockSkip: true, lpbq: 8 }), { blocks: { blockSize: 32, decompressedBitwidth: 8, undivided: 'skip' } });
    assert.throws(() => given({ blockSkip: true }), /--block-skip speaks of blocks/);
  });

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
