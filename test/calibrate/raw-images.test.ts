import * as assert from 'uvu/assert';

import { rawImageWarnings, unusedImageOptions } from '../../pipeline/calibrate/raw-images.ts';
import type { Column } from '../../pipeline/data/source.ts';
import { buildModel, type NodeLine, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const bytes = { scale: 1, mean: [0], std: [1], layout: 'nchw' } as const;
const image: Column = { name: 'image', dtype: 'uint8', shape: [3, 8, 8], isFlat: false, isImage: true, preprocess: null };
const conv = (input: string): NodeLine => ({ op: 'Conv', in: [input, 'w'], out: ['y'] });

function warnings(nodes: readonly NodeLine[], { column = image, preprocess = null as typeof bytes | null, dtype = 'float32' as 'float32' | 'uint8' } = {}): string[] {
  const shape = ['N', 3, 8, 8];
  const model = buildModel({ inputs: { x: { dtype, shape } }, weights: { w: weight([4, 3, 3, 3]), mean: weight([3, 1, 1]) }, nodes, outputs: { y: null } });
  return rawImageWarnings({ model, inputs: [{ name: 'x', dtype, shape }] }, { columns: [column] }, [{ input: 'x', column: 'image', preprocess, because: 'only' }]);
}

suite('calibrate/raw-images', test => {
  test('images that nothing scales are told of', () => {
    assert.equal(warnings([conv('x')]), ["the images reach input 'x' as bytes, from 0 to 255: if the model was trained on scaled pixels, say so with --scale, --mean and --std or --preprocess (--scale 1 if it was not)"]);
    assert.is(warnings([{ op: 'Transpose', in: ['x'], out: ['t'] }, conv('t')]).length, 1);
  });

  test('nothing is said where the user, the data or the model scales, or where the input is of bytes', () => {
    assert.equal(warnings([conv('x')], { preprocess: bytes }), []);
    assert.equal(warnings([{ op: 'Sub', in: ['x', 'mean'], out: ['s'] }, conv('s')]), []);
    assert.equal(warnings([{ op: 'Transpose', in: ['x'], out: ['t'] }, { op: 'Mul', in: ['t', 'mean'], out: ['s'] }, conv('s')]), []);
    assert.equal(warnings([{ op: 'Cast', in: ['x'], out: ['f'] }, conv('f')], { dtype: 'uint8' }), []);
    assert.equal(warnings([conv('x')], { column: { ...image, isImage: false } }), []);
  });

  test('options for images that meet none are told of', () => {
    const told = (column: Column, images: object) => unusedImageOptions({ columns: [column] }, [{ input: 'x', column: 'image', preprocess: null, because: 'only' }], images);
    assert.equal(told({ ...image, isImage: false }, { resize: { shortest: 32 }, crop: null, channels: 'bgr' }), ["resize, channels are for images, and none of the columns that are read ('image') holds any: they are read as they are"]);
    assert.equal(told({ ...image, isImage: false }, {}), []);
    assert.equal(told(image, { channels: 'bgr' }), []);
  });
});
