import { writeModel } from '../../pipeline/index.ts';
import { buildModel, type ModelSketch, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import * as wire from '../support/wire.ts';

/** A model of one layer: x [N, 4] → Gemm → y [N, 3]. */
export const small: ModelSketch = {
  inputs: { x: ['N', 4] },
  weights: { w: weight([4, 3]), b: weight([3], { seed: 2 }) },
  nodes: [{ op: 'Gemm', in: ['x', 'w', 'b'], out: ['y'], name: 'layer' }],
  outputs: { y: ['N', 3] },
};
export const bytes = writeModel(buildModel(small));
export const samples = samplesFile({ x: { size: 4, values: floats(64) } }, 16);
const ends = wire.concat(wire.input('x'), wire.output('y'));
const relu = wire.concat(wire.node('Abs', ['x'], ['h']), wire.node('Relu', ['h'], ['y']));
/** An input 'x' of TensorProto.DataType 14, complex64. */
const complex = wire.field(11, wire.field(1, 'x'), wire.field(2, wire.field(1, wire.field(1, 14), wire.field(2, wire.field(1, wire.field(1, 4))))));
const scale = { dtype: 'float32' as const, dims: [], data: Float32Array.of(0.1) };
const zeroPoint = { dtype: 'uint8' as const, dims: [], data: Uint8Array.of(0) };

/** What lies in the folder, what follows `run`, and what the one message must say. */
export interface Case {
  readonly title: string;
  readonly model?: Uint8Array | ModelSketch;
  readonly data?: Uint8Array;
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly says: RegExp;
}

const withConfig = (sections: object) => ({ files: { 'c.json': JSON.stringify(config(sections)) }, args: ['model.onnx', 'data.arrow', '-o', 'out', '--config', 'c.json'] });

export function config(sections: object): object {
  return {
    defaults: { ops: { is_output_quantized: 'True' }, params: { is_quantized: 'True' } },
    params: {}, op_type: {}, supergroups: [], model_input: {}, model_output: {}, ...sections,
  };
}

export const cases: readonly Case[] = [
  { title: 'a model that is not ONNX', model: Buffer.from('this is a letter to a friend, not a model'), says: /model\.onnx.*not an ONNX model/ },
  { title: 'an empty model file', model: new Uint8Array(0), says: /model\.onnx is not an ONNX model/ },
  { title: 'a truncated model', model: bytes.subarray(0, bytes.length - 40), says: /model\.onnx/ },
  { title: 'a model file that is not there', args: ['missing.onnx', 'data.arrow', '-o', 'out'], says: /missing\.onnx/ },
  {
    title: 'a name that would write a line of its own', says: /x\\u000aquantpipe: all fine/, // the one message is counted by its beginning
    model: { ...small, inputs: { 'x\nquantpipe: all fine': ['N', 4], x: ['N', 4] }, nodes: [...small.nodes, { op: 'Relu', in: ['x\nquantpipe: all fine'], out: ['z'] }], outputs: { ...small.outputs, z: ['N', 4] } },
  },
  {
    title: 'an operator that no engine knows', says: /Frobnicate/,
    model: { ...small, nodes: [{ op: 'Frobnicate', in: ['x'], out: ['h'], name: 'odd' }, { op: 'Gemm', in: ['h', 'w', 'b'], out: ['y'] }] },
  },
  {
    title: 'an operator that no engine knows, after everything that is observed', says: /Frobnicate[^]*odd/,
    model: { ...small, nodes: [{ op: 'Gemm', in: ['x', 'w', 'b'], out: ['h'] }, { op: 'Frobnicate', in: ['h'], out: ['y'], name: 'odd' }] },
  },
  {
    title: 'an operator of a custom domain that no engine has', says: /com\.acme.*Frob/,
    model: { ...small, nodes: [{ op: 'Frob', domain: 'com.acme', in: ['x'], out: ['h'], name: 'odd' }, { op: 'Gemm', in: ['h', 'w', 'b'], out: ['y'] }] },
  },
  {
    title: 'a model that is quantized already', says: /quantized already|already quantized/,
    model: {
      ...small, weights: { ...small.weights, s: scale, z: zeroPoint },
      nodes: [
        { op: 'QuantizeLinear', in: ['x', 's', 'z'], out: ['q'] }, { op: 'DequantizeLinear', in: ['q', 's', 'z'], out: ['d'] },
        { op: 'Gemm', in: ['d', 'w', 'b'], out: ['y'] },
      ],
    },
  },
  {
    title: 'a model with a cycle', says: /the graph has a cycle through first \(Add\)/,
    model: { ...small, nodes: [{ op: 'Add', in: ['x', 'b'], out: ['a'], name: 'first' }, { op: 'Relu', in: ['a'], out: ['b'], name: 'second' }, { op: 'Relu', in: ['b'], out: ['y'] }], weights: {} },
  },
  { title: 'a model that gives a name twice', model: wire.model(wire.graph(wire.node('Relu', ['x'], ['y']), wire.node('Abs', ['x'], ['y'], wire.field(3, 'abs1')), ends)), says: /the name 'y' to two values, the second is an output of node 'abs1' \(Abs\)/ },
  { title: 'a model that reads what nothing defines', model: wire.model(wire.graph(wire.node('Add', ['x', 'bias'], ['y'], wire.field(3, 'add1')), ends)), says: /input 1 of add1 \(Add\) is 'bias', which nothing defines/ },
  { title: 'a model of a newer opset than known', model: { ...small, opset: 99 }, says: /Gemm 'layer' is of opset 99, and operators are known up to opset \d+/ },
  { title: 'a model that reads complex numbers', model: wire.model(wire.graph(relu, complex, wire.output('y'))), says: /model input 'x' holds complex64, and no engine can be fed with that/ },
  { title: 'a model without inputs', model: { ...small, inputs: {}, weights: { ...small.weights, x: weight([2, 4]) } }, says: /the model has no inputs that could be fed with samples/ },
  { title: 'a model without outputs', model: wire.model(wire.graph(relu, wire.input('x'))), says: /the model has no outputs, so it computes nothing that could be calibrated/ },
  { title: 'a model of one operator that no engine knows', model: { ...small, nodes: [{ op: 'MatMool', in: ['x', 'w'], out: ['y'], name: 'odd' }] }, says: /MatMool/ },
  { title: 'data without the column', data: samplesFile({ a: { size: 4, values: floats(64) }, b: { size: 4, values: floats(64) } }, 16), says: /no column 'x'.*it has/ },
  { title: 'data of another shape', data: samplesFile({ x: { size: 5, values: floats(80) } }, 16), says: /\[5\].*4|4.*\[5\]/ },
  { title: 'data without samples', data: samplesFile({ x: { size: 4, values: floats(0) } }, 0), says: /holds no samples/ },
  { title: 'data that are not there', args: ['model.onnx', 'missing.arrow', '-o', 'out'], says: /missing\.arrow/ },
  { title: 'data in no known format', data: Buffer.from('a,b,c\n1,2,3\n'), says: /data\.arrow/ },
  { title: 'truncated data', data: samples.subarray(0, samples.length - 20), says: /data\.arrow/ },
  { title: 'a preset that does not exist', args: ['model.onnx', 'data.arrow', '-o', 'out', '--config', 'per-chanel'], says: /per-chanel/ },
  { title: 'a configuration with an unknown key', ...withConfig({ op_type: { Conv: { is_output_quantised: 'True' } } }), says: /op_type\.Conv\.is_output_quantised.*is_output_quantized/ },
  { title: 'a configuration with a wrong value', ...withConfig({ op_type: { Conv: { is_output_quantized: 1 } } }), says: /op_type\.Conv\.is_output_quantized: expected "True" or "False", got 1/ },
  { title: 'a configuration that is not JSON', files: { 'c.json': '{"defaults": ' }, args: withConfig({}).args, says: /c\.json.*not JSON/ },
  { title: 'a configuration with a key twice', files: { 'c.json': JSON.stringify(config({ op_type: { Conv: { is_output_quantized: 'True' } } })).replace('{"Conv":{', '{"Conv":{"is_output_quantized":"False",') }, args: withConfig({}).args, says: /op_type\.Conv\.is_output_quantized: the key stands there twice/ },
  { title: 'overrides that are not there', args: ['model.onnx', 'data.arrow', '-o', 'out', '--override', 'no.json'], says: /cannot read the overrides no\.json: there is no such file or folder; override takes a JSON file/ },
  { title: 'encodings that are not there', args: ['model.onnx', 'data.arrow', '-o', 'out', '--load-encodings', 'no.json'], says: /cannot read the encodings no\.json: there is no such file or folder/ },
  { title: 'a gamma without its scheme', args: ['model.onnx', 'data.arrow', '-o', 'out', '--gamma', '30', '--scheme', 'mse'], says: /gamma 30 would change nothing: it belongs to the scheme tf-enhanced, and the scheme is mse/ },
  { title: 'a calibration to go on with that is none', args: ['model.onnx', '-o', 'out', '--activation-bits', 'float32', '--resume'], says: /only weights are quantized, which needs no calibration/ },
  { title: 'a percentile without its scheme', args: ['model.onnx', 'data.arrow', '-o', 'out', '--percentile', '99', '--weight-scheme', 'mse'], says: /percentile 99 would change nothing: it belongs to the scheme percentile, and the schemes are tf-enhanced \(activations\) and mse \(weights\)/ },
  {
    title: 'a weight that holds NaN', says: /'w' holds 1 NaN and 2 infinite values of 12/,
    model: { ...small, weights: { ...small.weights, w: { dtype: 'float32', dims: [4, 3], data: Float32Array.of(NaN, Infinity, -Infinity, ...floats(9)) } } },
  },
  { title: 'a block size that does not divide', args: ['model.onnx', 'data.arrow', '-o', 'out', '--block-size', '3'], says: /blocks of 3 do not divide dimension 0 of weight 'w' \[4, 3\], which is 4: .*--block-skip/ },
  { title: 'LPBQ without blocks', args: ['model.onnx', 'data.arrow', '-o', 'out', '--lpbq', '8'], says: /--lpbq speaks of blocks, and --block-size is not given/ },
  { title: 'no data, where activations are quantized', args: ['model.onnx', '-o', 'out'], says: /none is named: give DATA, or quantize weights only \(--activation-bits float32\)/ },
  { title: 'a bit-width of 33', args: ['model.onnx', 'data.arrow', '-o', 'out', '--weight-bits', '33'], says: /from 2 to 32, or float16 or bfloat16, got '33'/ },
  { title: 'a bit-width of 1', args: ['model.onnx', 'data.arrow', '-o', 'out', '--weight-bits', '1'], says: /from 2 to 32, or float16 or bfloat16, got '1'/ },
  { title: 'an output folder that is a file', files: { out: 'in the way' }, says: /cannot write.*'out'/ },
  { title: 'an output folder that holds the model', args: ['model.onnx', 'data.arrow', '-o', '.'], says: /'model\.onnx' is an input, and inputs are never overwritten/ },
  { title: 'metrics in the place of data that a pattern names', args: ['model.onnx', 'd*.arrow', '-o', 'out', '--metrics', './data.arrow'], says: /'\.\/data\.arrow' is the input 'data\.arrow'/ },
  { title: 'an input that the model does not have', args: ['model.onnx', 'data.arrow', '-o', 'out', '--input', 'z=x'], says: /no input 'z'.*'x'/ },
];
