import * as assert from 'uvu/assert';

import type { DType } from '../../pipeline/base/tensor.ts';
import { bindInputs, type BindOptions } from '../../pipeline/data/bind.ts';
import { openSource } from '../../pipeline/data/index.ts';
import { fitSample } from '../../pipeline/data/sample-shape.ts';
import type { Column } from '../../pipeline/data/source.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

type Shape = (number | string | null)[];

const column = (name: string, dtype: DType, shape: (number | null)[], rest: Partial<Column> = {}): Column => ({ name, dtype, shape, isFlat: false, preprocess: null, ...rest });
const input = (name: string, dtype: DType, shape: Shape) => ({ name, dtype, shape });
const image = column('image', 'uint8', [3, 32, 32]);
const label = column('label', 'int32', []);

// sample shape, is flat, model's input shape -> how it stacks and its dimensions, or null
const fits: [number[], boolean, Shape, [string, number[]] | null][] = [
  [[3, 48, 300], false, ['N', 3, 48, 'W'], ['batch', [3, 48, 300]]],
  [[1, 3, 48, 300], false, ['N', 3, 48, 'W'], ['batch', [3, 48, 300]]],
  [[3, 48, 300], false, [1, 3, 48, null], ['batch', [3, 48, 300]]],
  [[3, 47, 300], false, ['N', 3, 48, 'W'], null],
  [[2, 3, 48, 300], false, ['N', 3, 48, 'W'], ['whole', [2, 3, 48, 300]]], // each sample is a batch of its own
  [[2, 3, 48, 300], false, [1, 3, 48, 'W'], null],
  [[784], true, ['N', 1, 28, 28], ['batch', [1, 28, 28]]],
  [[784], false, ['N', 1, 28, 28], null],
  [[783], true, ['N', 1, 28, 28], null],
  [[784], true, ['N', 1, 28, 'W'], null], // the model does not tell the width
  [[28, 28], false, ['N', 1, 28, 28], ['batch', [1, 28, 28]]],
  [[], false, ['N'], ['batch', []]],
  [[], false, ['N', 1], ['batch', [1]]],
  [[], false, [], ['whole', []]],
  [[100, 80], false, ['T', 80], ['whole', [100, 80]]],
  [[80], false, ['T', 80], ['batch', [80]]],
];

suite('data/bind', test => {
  for (const [sample, isFlat, shape, expected] of fits) {
    test(`${expected ? 'fits' : 'refuses'} a ${isFlat ? 'flat ' : ''}sample [${sample}] for [${shape}]`, () => {
      const fit = fitSample(sample, shape, isFlat);
      assert.equal(fit && [fit.stacking, fit.dims], expected);
    });
  }

  for (const file of ['plain.arrow', 'snappy.parquet', 'plain.arrows']) {
    test(`${file}: a column of a type that feeds no model is not said to be missing`, async () => {
      const source = await openSource(`fixtures/data/foreign/${file}`);
      const { message } = await failure(async () => bindInputs(source, [input('x', 'float32', ['N'])], { inputs: { x: 'date' } }));
      assert.match(message, /^column 'date' of fixtures[^ ]* is (DATE|Date32<DAY>), which feeds no model; model input 'x' reads float32$/);
    });
  }

  test('binds by option, else by name, else the only column, and says which', () => {
    const columns = [column('a', 'float32', [4]), column('b', 'float32', [4]), label];
    const model = [input('a', 'float32', ['N', 4]), input('q', 'float32', ['N', 4])];
    assert.equal(bindInputs({ name: 'data', columns }, model, { inputs: { q: 'b' } }).map(({ input, column, because }) => [input, column, because]), [['a', 'a', 'name'], ['q', 'b', 'option']]);
    const alone = [image, label, column('text', 'string', [])];
    assert.equal(bindInputs({ name: 'data', columns: alone }, [input('x', 'float32', ['N', 3, 32, 32])])[0], { input: 'x', column: 'image', preprocess: null, because: 'only' });
  });

  test('takes preprocessing from the options, else from the column, and never for whole numbers', () => {
    const own = { scale: 1 / 255, mean: [0], std: [1], layout: 'nchw' } as const;
    const columns = [column('image', 'uint8', [3, 32, 32], { preprocess: own })];
    const bound = (dtype: DType, options?: BindOptions) => bindInputs({ name: 'data', columns }, [input('image', dtype, ['N', 3, 32, 32])], options)[0]!.preprocess;
    assert.equal(bound('float32'), own);
    assert.equal(bound('float32', { preprocess: { mean: [1, 2, 3] } }), { scale: 1, mean: [1, 2, 3], std: [1], layout: 'nchw' });
    assert.is(bound('uint8'), null);
  });

  const x = input('x', 'float32', ['N', 3, 32, 32]);
  const refused: [columns: Column[], options: BindOptions, message: string, code?: string][] = [
    [[column('a', 'uint8', [3, 32, 32]), column('b', 'uint8', [3, 32, 32])], {}, "data has no column 'x' for the model's input 'x'; it has 'a', 'b'"],
    [[label], {}, "data has no column 'x' for the model's input 'x'; it has 'label'"],
    [[image], { inputs: { x: 'picture' } }, "data has no column 'picture' for the model's input 'x'; it has 'image'"],
    [[image], { inputs: { y: 'image' } }, "the model has no input 'y'; it has 'x'", 'config-invalid'],
    [[column('x', 'uint8', [3, 32, 31])], {}, "column 'x' of data holds samples of shape [3, 32, 31], the model's input 'x' reads [N, 3, 32, 32]"],
    [[column('x', 'uint8', [32, 32, 4])], { preprocess: { layout: 'nhwc' } }, "column 'x' of data holds samples of shape [4, 32, 32] (stored as [32, 32, 4]), the model's input 'x' reads [N, 3, 32, 32]"],
    [[column('x', 'string', [])], {}, "column 'x' of data holds string, the model's input 'x' reads float32"],
    [[image], { preprocess: { mean: [1, 2] } }, "preprocessing has 2 channels, column 'image' of data holds samples of shape [3, 32, 32]"],
    [[image], { preprocess: { mean: [1, 2, 3], std: [1, 2] } }, 'preprocessing: mean has 3 channels, std has 2', 'config-invalid'],
    [[image], { preprocess: { std: [0] } }, 'preprocessing: std must be finite numbers other than 0, got [0]', 'config-invalid'],
    [[image], { preprocess: { scale: NaN } }, 'preprocessing: scale must be a finite number other than 0, got NaN', 'config-invalid'],
  ];
  for (const [columns, options, message, code = 'data-invalid'] of refused) {
    test(`refuses: ${message}`, async () => {
      assert.equal(await failure(async () => bindInputs({ name: 'data', columns }, [x], options)), { code, message });
    });
  }

  test('refuses fractions where the model reads whole numbers', async () => {
    const columns = [column('ids', 'float32', [7])];
    assert.equal(await failure(async () => bindInputs({ name: 'data', columns }, [input('ids', 'int64', ['N', 7])])), {
      code: 'data-invalid', message: "column 'ids' of data holds float32, the model's input 'ids' reads int64",
    });
  });
});
