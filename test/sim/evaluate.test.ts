import { Field, FixedSizeList, Float32, Int32, List, makeData, RecordBatch, Schema, Struct, Utf8, vectorFromArray, type Data, type DataType } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { columnsOf } from '../../pipeline/data/column.ts';
import { blocks } from '../../pipeline/data/index.ts';
import type { Source } from '../../pipeline/data/source.ts';
import { type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { intAttribute, intsAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { AnswerCount } from '../../pipeline/sim/answers.ts';
import { evaluate, type EvaluateOptions, type Forms, fusionWarnings } from '../../pipeline/sim/evaluate.ts';
import { buildModel } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node } from '../export/models.ts';

const SAMPLES = 10;

/** Samples [i, -i], and a label for each. */
function source(labels?: { type: DataType; of: (i: number) => unknown }): Source {
  const pairs = new FixedSizeList(2, new Field('item', new Float32(), false));
  const values = Float32Array.from({ length: 2 * SAMPLES }, (_, i) => (i >> 1) * (i % 2 === 0 ? 1 : -1));
  const child = makeData({ type: new Float32(), length: 2 * SAMPLES, nullCount: 0, data: values });
  const columns: Data[] = [makeData({ type: pairs, length: SAMPLES, nullCount: 0, child })];
  const fields: Field[] = [new Field('x', pairs, false)];
  if (labels !== undefined) {
    columns.push(vectorFromArray(Array.from({ length: SAMPLES }, (_, i) => labels.of(i)), labels.type).data[0]!);
    fields.push(new Field('label', labels.type, false));
  }
  const schema = new Schema(fields);
  return {
    name: 'samples', rows: SAMPLES, columns: columnsOf(schema, 'samples'),
    async *batches() { yield new RecordBatch(schema, makeData({ type: new Struct(fields), length: SAMPLES, nullCount: 0, children: columns })); },
  };
}

/** y = factor · x, [N, 2]; or with `steps`, [N, 1, 2]. */
function scaled(factor: number, steps = false): Model {
  const w = float32Tensor([2, 2], Float32Array.of(factor, 0, 0, factor));
  const nodes = [node('MatMul', ['x', 'w'], ['y']), ...(steps ? [node('Unsqueeze', ['y'], ['z'], { axes: intsAttribute([1]) })] : [])];
  return buildModel({ opset: 12, inputs: { x: ['N', 2] }, weights: { w }, nodes, outputs: steps ? { z: null } : { y: null } });
}

async function judge(forms: Forms, data: Source, options: Omit<EvaluateOptions, 'engine'> = {}) {
  return evaluate(forms, blocks(data, { size: 3 }), [{ input: 'x', column: 'x', preprocess: null, because: 'name' }], { engine: await openEngine('web'), ...options });
}

suite('sim/evaluate', test => {
  const classes = { type: new Int32(), of: () => 0 };

  test('half outputs are scored and compared as float32', async () => {
    const half = (factor: number) => {
      const w = float32Tensor([2, 2], Float32Array.of(factor, 0, 0, factor));
      const nodes = [node('MatMul', ['x', 'w'], ['a']), node('Cast', ['a'], ['y'], { to: intAttribute(10) })];
      return buildModel({ opset: 13, inputs: { x: ['N', 2] }, weights: { w }, nodes, outputs: { y: { dtype: 'float16', shape: ['N', 2] } } });
    };
    const { accuracy, pairs } = await judge({ float: half(1), exported: half(-1) }, source(classes));
    assert.equal(accuracy, { float: 1, exported: 0.1 });
    assert.is(pairs[0]!.outputs['y']!.maxError, 18);
  });

  test('scores every form against the labels and compares forms, over blocks of any size', async () => {
    const { samples, metric, accuracy, pairs } = await judge({ float: scaled(1), simulated: scaled(0.5), exported: scaled(-1) }, source(classes));
    assert.is(samples, SAMPLES);
    assert.is(metric, 'top-1');
    assert.equal(accuracy, { float: 1, simulated: 1, exported: 0.1 }); // sample 0 is a tie
    assert.equal(pairs.map(({ of, to }) => `${of}/${to}`), ['simulated/float', 'exported/float', 'exported/simulated']);
    const [halved, negated] = pairs.map(({ outputs }) => outputs['y']!);
    assert.equal([halved!.cosine.toFixed(12), halved!.agreement, halved!.maxError], ['1.000000000000', 1, 4.5]);
    assert.ok(Math.abs(halved!.sqnr - 20 * Math.log10(2)) < 1e-9);
    assert.equal([negated!.cosine.toFixed(12), negated!.agreement], ['-1.000000000000', 0.1]);
  });

  test('outputs of integers and booleans are compared by equal elements, and scored', async () => {
    const classes = (factor: number) => buildModel({
      opset: 13, inputs: { x: ['N', 2] }, weights: { w: float32Tensor([2, 2], Float32Array.of(factor, 0, 0, factor)), z: float32Tensor([], Float32Array.of(0)) },
      nodes: [node('MatMul', ['x', 'w'], ['y']), node('ArgMax', ['y'], ['cls'], { axis: intAttribute(1), keepdims: intAttribute(0) }), node('Greater', ['y', 'z'], ['above']), node('NonZero', ['above'], ['places'])],
      outputs: { cls: { dtype: 'int64', shape: ['N'] }, above: { dtype: 'bool', shape: ['N', 2] }, places: { dtype: 'int64', shape: [2, 'P'] } },
    });
    const { accuracy, pairs } = await judge({ float: classes(1), exported: classes(-1) }, source({ type: new Int32(), of: () => 0 }));
    assert.equal(accuracy, { float: 1, exported: 0.1 }); // sample 0 is a tie
    assert.equal(pairs.map(({ of, to, outputs, answers }) => [of, to, outputs, answers]), [['exported', 'float', {}, { cls: { elements: 10, equal: 0.1 }, above: { elements: 20, equal: 0.1 }, places: { elements: 18, equal: 0.5 } }]]);
    const half = await judge({ float: classes(1), exported: classes(0) }, source());
    assert.equal(half.pairs[0]!.answers['places'], { elements: 18, equal: 0 }, 'of other shapes nothing is the same');
    const count = new AnswerCount();
    count.add({ dtype: 'int64', dims: [3], data: BigInt64Array.of(1n, 2n, 3n) }, { dtype: 'int32', dims: [3], data: Int32Array.of(1, 2, 4) });
    assert.equal(count.result, { elements: 3, equal: 2 / 3 }, 'whatever their types');
  });

  test('the simulated model runs as it stands, the exported one as engines run it, and as it stands too', async () => {
    const web = await openEngine('web'), asked: unknown[] = [];
    const engine = { ...web, load: (...[model, options]: Parameters<typeof web.load>) => { asked.push(options?.fuseQuantized ?? true); return web.load(model, options); } };
    await evaluate({ float: scaled(1), simulated: scaled(1), exported: scaled(1) }, blocks(source(), { size: 3 }), [{ input: 'x', column: 'x', preprocess: null, because: 'name' }], { engine });
    assert.equal(asked, [true, false, true, false]);
  });

  test('compares without labels, and where labels are not wanted', async () => {
    for (const [data, options] of [[source(), {}], [source(classes), { label: null }]] as const) {
      const { metric, accuracy, pairs } = await judge({ float: scaled(1), exported: scaled(1) }, data, options);
      assert.is(metric, null);
      assert.equal(accuracy, {});
      assert.equal(pairs.map(({ outputs }) => outputs['y']!.sqnr), [Infinity]);
    }
  });

  test('reads sequences by CTC', async () => {
    const sequences = { type: new List(new Field('item', new Int32(), false)), of: (i: number) => i % 2 === 0 ? [1] : [] };
    const { metric, accuracy } = await judge({ float: scaled(-1, true) }, source(sequences)); // class 1 in every sample but 0
    assert.is(metric, 'ctc');
    assert.equal(accuracy, { float: 0.4 });
  });

  test('refuses a label column that is not there, and a metric without labels', async () => {
    const message = (options: Omit<EvaluateOptions, 'engine'>) => judge({ float: scaled(1) }, source(), options).then(() => '', (error: Error) => error.message);
    assert.match(await message({ label: 'class' }), /^the data has no column 'class'/);
    assert.match(await message({ metric: 'top-1' }), /^the data has no column 'label', and the metric 'top-1' judges by labels/);
    assert.match(await message({ metric: 'top-1', label: null }), /none are to be used/);
  });

  test('closes what it opened where a later form does not load', async () => {
    const engine = await openEngine('web');
    let open = 0;
    const counting = { ...engine, load: async (model: Uint8Array) => {
      const session = await engine.load(model);
      open++;
      return Object.assign(Object.create(session) as typeof session, { close: async () => { open--; } });
    } };
    const odd = buildModel({ inputs: { x: ['N', 2] }, nodes: [node('Frobnicate', ['x'], ['y'])], outputs: { y: null } });
    const failed = await judge({ float: scaled(1), exported: odd }, source(), { ...({ engine: counting } as object) }).then(() => false, () => true);
    assert.equal([failed, open], [true, 0]);
  });

  test('warns where fusing moves an output by more than half a decibel, and not by less', () => {
    const pair = (of: 'exported' | 'unfused', sqnr: number) => ({ of, to: 'float' as const, outputs: { y: { exact: false, sqnr, cosine: 1, maxError: 0, agreement: null, offBy: null, nonFinite: 0 } } });
    for (const [fused, warnings] of [[30.4, 0], [29.6, 0], [30.6, 1], [29.4, 1]] as const) assert.is(fusionWarnings([pair('exported', fused), pair('unfused', 30)]).length, warnings, `${fused}`);
    for (const [fused, warnings] of [[154, 0], [100, 1]] as const) assert.is(fusionWarnings([pair('exported', fused), pair('unfused', 219)]).length, warnings, `${fused}: what float32 rounds is no loss`);
  });

  test('warns where fusing makes values NaN or infinite, some or all, and not where they are so anyway', () => {
    const pair = (of: 'exported' | 'unfused', sqnr: number, nonFinite: number) => ({ of, to: 'float' as const, outputs: { y: { exact: false, sqnr, cosine: 1, maxError: 0, agreement: null, offBy: null, nonFinite } } });
    const warned = (fused: readonly [number, number], unfused: readonly [number, number]) => fusionWarnings([pair('exported', ...fused), pair('unfused', ...unfused)]);
    assert.match(warned([NaN, 6], [30, 0]).join(), /^output 'y' of the exported model has 6 values that are NaN or infinite.* and 0 as it stands/);
    assert.is(warned([30.1, 1], [30, 0]).length, 1);
    assert.equal([warned([30.1, 2], [30, 2]), warned([NaN, 6], [NaN, 6]), warned([Infinity, 0], [Infinity, 0])], [[], [], []]);
  });

  test('says why texts cannot be judged', async () => {
    const texts = { type: new Utf8(), of: String };
    const message = await judge({ float: scaled(1) }, source(texts)).then(() => '', (error: Error) => error.message);
    assert.ok(message.startsWith("column 'label' holds texts"), message);
  });

  test('warns where an engine merges the exported model into kernels that compute otherwise', async () => {
    // onnxruntime-node multiplies by a dequantized constant in 8 bits unless it is told to leave such pairs alone; onnxruntime-web does not
    const scale = { dtype: 'float32' as const, dims: [], data: Float32Array.of(0.5) }, zero = { dtype: 'uint8' as const, dims: [], data: Uint8Array.of(0) };
    const m = float32Tensor([2, 2], Float32Array.of(1, 0.3, 0, 1)), uneven = node('MatMul', ['x', 'm'], ['a']);
    const stored = buildModel({
      opset: 21, inputs: { x: ['N', 2] }, weights: { m, w: { dtype: 'uint8', dims: [2, 2], data: Uint8Array.of(2, 1, 0, 2) }, scale, zero },
      nodes: [uneven, node('DequantizeLinear', ['w', 'scale', 'zero'], ['d']), node('MatMul', ['a', 'd'], ['y'])], outputs: { y: null },
    });
    const float = buildModel({ inputs: { x: ['N', 2] }, weights: { m, w: float32Tensor([2, 2], Float32Array.of(1, 0.5, 0, 1)) }, nodes: [uneven, node('MatMul', ['a', 'w'], ['y'])], outputs: { y: null } });
    const judged = async (engine: EngineName) => evaluate({ float, exported: stored }, blocks(source(), { size: 3 }), [{ input: 'x', column: 'x', preprocess: null, because: 'name' }], { engine: await openEngine(engine) });
    const { warnings, pairs } = await judged('native');
    assert.equal(pairs.map(({ of, to }) => `${of}/${to}`), ['exported/float']);
    assert.is(warnings.length, 1);
    assert.match(warnings[0]!, /^output 'y' of the exported model is \d+\.\d dB from float as this engine fuses it, and Infinity dB as it stands/);
    assert.equal((await judged('web')).warnings, []);
  });

  test('refuses models whose outputs have different shapes, naming both', async () => {
    const wide = buildModel({ inputs: { x: ['N', 2] }, nodes: [node('Concat', ['x', 'x'], ['y'], { axis: { kind: 'int', value: 1n } })], outputs: { y: null } });
    const message = await judge({ float: scaled(1), exported: wide }, source()).then(() => '', (error: Error) => error.message);
    assert.is(message, "output 'y' has shape [3, 2] in one model and [3, 4] in the other");
  });
});
