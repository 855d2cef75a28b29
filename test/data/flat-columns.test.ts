// Plain lists of pixels, whose shape the model tells: what frameworks write that know no tensors.

import { Field, FixedSizeList, List, makeData, Uint8, vectorFromArray, type Data } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { bindInputs, BlockFeeds, blocks, openSource } from '../../pipeline/data/index.ts';
import { recordBatch } from '../../pipeline/data/record-batches.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

const [ROWS, HEIGHT, WIDTH, CHANNELS] = [5, 4, 3, 3];
const SIZE = HEIGHT * WIDTH * CHANNELS;
const pixel = (i: number): number => (i * 37 + (i >> 3)) % 256;
const rows = Array.from({ length: ROWS }, (_, row) => Array.from({ length: SIZE }, (_, i) => pixel(row * SIZE + i)));
const item = new Field('item', new Uint8(), false);

const columns: Readonly<Record<string, Data>> = {
  'lists of one length': makeData({ type: new FixedSizeList(SIZE, item), length: ROWS, nullCount: 0, child: makeData({ type: new Uint8(), data: Uint8Array.from(rows.flat()) }) }),
  'lists of any length': vectorFromArray(rows, new List(item)).data[0]!,
};
const preprocess = { scale: 1 / 255, mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 0.125] };

/** What the model reads of these columns. */
async function fed(data: Data, options: object): Promise<{ dims: readonly number[]; values: Float32Array }> {
  const source = await openSource([recordBatch([new Field('x', data.type, false)], [data])]), input = { name: 'x', dtype: 'float32', shape: ['N', CHANNELS, HEIGHT, WIDTH] } as const;
  const bindings = bindInputs(source, [input], options);
  for await (const { bytes } of blocks(source, { size: ROWS })) for (const { feeds: { x } } of new BlockFeeds(bytes, [input], bindings)) return { dims: x!.dims, values: x!.data as Float32Array };
  return assert.unreachable('no feed') as never;
}

suite('data/flat-columns', test => {
  for (const [what, data] of Object.entries(columns)) {
    for (const layout of ['nchw', 'nhwc'] as const) {
      test(`${what} are normalized by channels, and laid out, by the shape that the model tells: ${layout}`, async () => {
        const { dims, values } = await fed(data, { preprocess: { ...preprocess, layout } });
        assert.equal(dims, [ROWS, CHANNELS, HEIGHT, WIDTH]);
        for (let row = 0; row < ROWS; row++) for (let c = 0; c < CHANNELS; c++) for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) {
          const stored = layout === 'nchw' ? (c * HEIGHT + y) * WIDTH + x : (y * WIDTH + x) * CHANNELS + c;
          const expected = Math.fround((rows[row]![stored]! * preprocess.scale - preprocess.mean[c]!) / preprocess.std[c]!);
          assert.is(values[((row * CHANNELS + c) * HEIGHT + y) * WIDTH + x], expected, `${row}, ${c}, ${y}, ${x}`);
        }
      });
    }

    test(`${what}: another number of channels is refused`, async () => {
      assert.match((await failure(() => fed(data, { preprocess: { mean: [0, 0], layout: 'nhwc' } }))).message, /^preprocessing has 2 channels, column 'x' of .* holds samples of shape \[3, 4, 3\]$/);
    });
  }

  test('a list of another length is refused by its sample', async () => {
    const short = vectorFromArray([...rows.slice(1), rows[0]!.slice(1)], new List(item)).data[0]!;
    assert.match((await failure(() => fed(short, { preprocess: { ...preprocess, layout: 'nhwc' } }))).message, /sample 4 of column 'x' has shape \[35\], the model's input 'x' reads \[N, 3, 4, 3\]/);
  });
});
