import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { halvesFromFloats } from '../../pipeline/base/half.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';
import type { Attribute } from '../../pipeline/graph/attribute.ts';
import { type Evaluation, writeModel } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { inFolder } from '../support/temporary.ts';
import { weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { draw, type Line, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const w = weight([4, 3]), b = weight([3], { seed: 2 });
const yes: Tensor = { dtype: 'bool', dims: [], data: Uint8Array.of(1) };
const half = ({ dims, data }: Tensor): Tensor => ({ dtype: 'float16', dims, data: halvesFromFloats(data as Float32Array) });
const double = ({ dims, data }: Tensor): Tensor => ({ dtype: 'float64', dims, data: Float64Array.from(data as Float32Array) });

function branch(output: string, node: Line): Attribute {
  const dtype = node[0].startsWith('Arg') ? 'int64' : 'float32';
  const { graph } = draw({ nodes: [node], outputs: { [output]: { dtype, shape: null } } });
  return { kind: 'graph', value: { read: () => graph } };
}

const layer: Line = ['Gemm', ['x', 'w', 'b'], ['g']];
const choice = (then: Line, otherwise: Line): Line => ['If', ['yes'], ['i'], { then_branch: branch(then[2][0]!, then), else_branch: branch(otherwise[2][0]!, otherwise) }];

/** A model with one input of four values a sample, that goes through; what inspect says of it; and how near the exported one is to float. */
interface Case { readonly sketch: Sketch; readonly says: readonly RegExp[]; readonly decibels?: number; readonly isShapeless?: boolean }

const cases: Readonly<Record<string, Case>> = {
  'If, whose branches are left in float and named': {
    sketch: { inputs: { x: ['N', 4] }, constants: { w, b, yes }, nodes: [layer, choice(['Relu', ['g'], ['a']], ['Neg', ['g'], ['c']]), ['Relu', ['i'], ['y']]], outputs: ['y'] },
    says: [/^g .* activation/m, /^i .* activation/m, /^If +If_1 +it runs a subgraph/m],
  },
  'If of opset 11, whose branches are raised': {
    sketch: { opset: 11, inputs: { x: ['N', 4] }, constants: { w, b, yes }, nodes: [layer, choice(['ReduceSum', ['g'], ['a'], { axes: [1], keepdims: 1 }], ['Neg', ['g'], ['c']]), ['Add', ['i', 'g'], ['y']]], outputs: ['y'] },
    says: [/^If +If_1 +it runs a subgraph/m],
  },
  'If that reads a weight which is quantized elsewhere': {
    sketch: { inputs: { x: ['N', 4] }, constants: { w, b, yes }, nodes: [layer, choice(['MatMul', ['x', 'w'], ['a']], ['Neg', ['g'], ['c']]), ['Add', ['i', 'g'], ['y']]], outputs: ['y'] },
    says: [/^w .* weight/m, /^If +If_1/m],
  },
  'If that computes integers, which get no quantizer': {
    sketch: {
      inputs: { x: ['N', 4] }, constants: { w, b, yes }, outputs: ['y'],
      nodes: [layer, choice(['ArgMax', ['g'], ['a'], { axis: 1 }], ['ArgMin', ['g'], ['c'], { axis: 1 }]), ['Add', ['i', 'i'], ['j']], ['Cast', ['j'], ['f'], { to: 1 }], ['Add', ['f', 'g'], ['y']]],
    },
    says: [/^If +If_1/m],
    decibels: 20,
  },
  'Loop, whose body is left in float and named': {
    sketch: {
      inputs: { x: ['N', 4] }, constants: { w, b, yes, times: { dtype: 'int64', dims: [], data: BigInt64Array.of(2n) } }, outputs: ['y'],
      nodes: [layer, ['Loop', ['times', 'yes', 'g'], ['i'], { body: { kind: 'graph', value: { read: () => draw({
        inputs: { n: { dtype: 'int64', shape: [] }, go: { dtype: 'bool', shape: [] }, s: ['N', 3] }, outputs: { on: { dtype: 'bool', shape: [] }, t: { dtype: 'float32', shape: null } },
        nodes: [['Identity', ['go'], ['on']], ['Add', ['s', 'g'], ['t']]],
      }).graph } } }], ['Relu', ['i'], ['y']]],
    },
    says: [/^Loop +Loop_1 +it runs a subgraph/m, /^i .* activation/m],
  },
  'no shape anywhere, not even of its input': {
    sketch: { inputs: { x: ['N', 4] }, constants: { w, b }, nodes: [layer, ['Relu', ['g'], ['r']], ['Softmax', ['r'], ['y']]], outputs: ['y'] },
    says: [/^w .* weight/m, /^y .* activation/m],
    isShapeless: true,
  },
  'names that are paths, markup, patterns and properties of objects': {
    sketch: {
      inputs: { 'x:0 /ü"\\{}%s': ['N', 4] }, constants: { '<script>w</script>': w, '../b\n': b }, outputs: ['toString'],
      nodes: [['Gemm', ['x:0 /ü"\\{}%s', '<script>w</script>', '../b\n'], ['h:0']], ['Relu', ['h:0'], ['constructor']], ['Neg', ['constructor'], ['toString']]],
    },
    says: [/^<script>w<\/script> .* weight/m, /^toString .* activation/m],
  },
  'float64 around a layer of float32': {
    sketch: {
      inputs: { x: { dtype: 'float64', shape: ['N', 4] } }, constants: { w, b, k: double(weight([3])) }, outputs: { y: { dtype: 'float64', shape: ['N', 3] } },
      nodes: [['Cast', ['x'], ['f'], { to: 1 }], ['Gemm', ['f', 'w', 'b'], ['g']], ['Cast', ['g'], ['d'], { to: 11 }], ['Add', ['d', 'k'], ['y']]],
    },
    says: [/^w .* weight/m],
  },
  'float16 behind a layer of float32': {
    sketch: {
      inputs: { x: ['N', 4] }, constants: { w, b, k: half(weight([3])) }, outputs: ['y'],
      nodes: [layer, ['Cast', ['g'], ['h'], { to: 10 }], ['Add', ['h', 'k'], ['s']], ['Cast', ['s'], ['y'], { to: 1 }]],
    },
    says: [/^w .* weight/m, /^g .* activation/m],
  },
  'all in float16': {
    sketch: { inputs: { x: { dtype: 'float16', shape: ['N', 4] } }, constants: { w: half(w), b: half(b) }, nodes: [['Gemm', ['x', 'w', 'b'], ['y']]], outputs: { y: { dtype: 'float16', shape: null } } },
    says: [/^w .* weight/m, /^x_float32 .* activation/m, /^y_float32 .* activation/m],
  },
  'all in float64': {
    sketch: { inputs: { x: { dtype: 'float64', shape: ['N', 4] } }, constants: { w: double(w), b: double(b) }, nodes: [['Gemm', ['x', 'w', 'b'], ['y']]], outputs: { y: { dtype: 'float64', shape: null } } },
    says: [/^w .* weight/m, /^x_float32 .* activation/m, /^y_float32 .* activation/m],
  },
};

const refused: Readonly<Record<string, [Sketch, RegExp]>> = {
  'all in float16, with an operator of another domain': [
    {
      inputs: { x: { dtype: 'float16', shape: ['N', 4] } }, constants: { w: half(w), b: half(b) }, outputs: { y: { dtype: 'float16', shape: null } },
      nodes: [['Gemm', ['x', 'w', 'b'], ['g']], ['com.microsoft:Gelu', ['g'], ['y']]],
    },
    /the model computes in float16, and only float32 is quantized, .* export it in float32/,
  ],
  'an operator set that is newer than all known': [
    { opset: 99, inputs: { x: ['N', 4] }, constants: { w, b }, nodes: [layer], outputs: ['g'] },
    /Gemm 'Gemm_0' is of opset 99, and operators are known up to opset \d+: export the model again/,
  ],
  'a name that JavaScript cannot hold': [
    { inputs: { x: ['N', 4] }, constants: { w, b }, nodes: [['Gemm', ['x', 'w', 'b'], ['__proto__']], ['Relu', ['__proto__'], ['a']], ['Neg', ['__proto__'], ['c']]], outputs: ['a', 'c'] },
    /cannot hand out a tensor called '__proto__': rename it/,
  ],
};

async function written(folder: string, sketch: Sketch, isShapeless = false): Promise<void> {
  const model = draw(sketch);
  if (isShapeless) for (const input of model.graph.inputs) input.type = { dtype: 'float32', shape: null };
  await writeFile(join(folder, 'model.onnx'), writeModel(model));
  await writeFile(join(folder, 'data.arrow'), samplesFile({ [Object.keys(sketch.inputs!)[0]!]: { size: 4, values: floats(64) } }, 16));
}

suite('end-to-end/odd-models', test => {
  for (const [what, { sketch, says, decibels = 30, isShapeless }] of Object.entries(cases)) {
    test(`takes ${what}`, () => inFolder(async folder => {
      await written(folder, sketch, isShapeless);
      const shown = await quantpipe(['inspect', 'model.onnx'], { cwd: folder });
      assert.is(shown.code, 0, shown.stderr);
      for (const line of says) assert.match(shown.stdout, line);
      const ran = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--quiet'], { cwd: folder });
      assert.is(ran.code, 0, ran.stderr);
      const judged = await quantpipe(['evaluate', 'model.onnx', 'data.arrow', '--encodings', 'out/encodings.json', '--json'], { cwd: folder });
      assert.is(judged.code, 0, judged.stderr);
      for (const { of, to, outputs } of (JSON.parse(judged.stdout) as Evaluation).pairs) {
        for (const { sqnr } of Object.values(outputs)) assert.ok(sqnr === null || Number(sqnr) >= decibels || String(sqnr) === 'Infinity', `${of} to ${to}: ${sqnr} dB`);
      }
    }));
  }

  for (const [what, [sketch, says]] of Object.entries(refused)) {
    test(`refuses ${what}`, () => inFolder(async folder => {
      await written(folder, sketch);
      const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
      assert.is(code, 1, stderr);
      assert.match(stderr, says);
      assert.not.match(stderr, /\n\s+at /, 'no stack');
    }));
  }
});
