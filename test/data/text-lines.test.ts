import * as assert from 'uvu/assert';

import { bindInputs, blocks, BlockFeeds, labels, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';

const recognizer = [{ name: 'x', dtype: 'float32', shape: ['N', 3, 48, 'W'] }] as const;
const direction = [{ name: 'x', dtype: 'float32', shape: ['N', 3, 'H', 'W'] }] as const;

suite('data/text-lines', test => {
  test('feeds ragged lines one by one, with their class ids and texts', async () => {
    const source = await openSource('fixtures/data/text-evaluation.arrow');
    assert.equal(source.columns.map(({ name, dtype, shape }) => [name, dtype, shape]), [['x', 'uint8', [3, 48, null]], ['label', 'int32', [null]], ['text', 'string', []]]);
    const bindings = bindInputs(source, recognizer);
    const widths = new Set<number>(), texts = new Set<string>();
    for await (const block of blocks(source, { size: 50 })) {
      const classes = labels(block.bytes, 'label'), lines = labels(block.bytes, 'text');
      assert.ok(classes?.kind === 'sequences' && lines?.kind === 'texts');
      let row = 0;
      for (const { rows, feeds: { x } } of new BlockFeeds(block.bytes, recognizer, bindings)) {
        assert.is(rows, 1);
        assert.equal(x!.dims.slice(0, 3), [1, 3, 48]);
        assert.is(classes.values[row]!.length, lines.values[row]!.length);
        assert.is(classes.values[row]!.filter(id => id === 6624).length, lines.values[row]!.split(' ').length - 1);
        const values = x!.data as Float32Array;
        assert.ok(values.every(value => value >= -1 && value <= 1) && values.some(value => value < 0) && values.some(value => value > 0.5));
        widths.add(x!.dims[3]!);
        texts.add(lines.values[row++]!);
      }
    }
    assert.is(texts.size, 240);
    assert.ok(widths.size > 50, `${widths.size} widths`);
  });

  test('holds lines of the direction classifier, every second one turned', async () => {
    const source = await openSource('fixtures/data/direction-calibration.arrow');
    const bindings = bindInputs(source, direction);
    for await (const block of blocks(source, { size: 64 })) {
      const [feed] = new BlockFeeds(block.bytes, direction, bindings);
      assert.equal(feed!.feeds['x']!.dims, [64, 3, 48, 192]);
      assert.equal(labels(block.bytes, 'label'), { kind: 'classes', values: Array.from({ length: 64 }, (_, i) => i % 2) });
    }
  });
});
