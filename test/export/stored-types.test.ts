// What every preset makes of the inputs of operators: the integer types, zero points and channel axes that its runtime gets.

import * as assert from 'uvu/assert';

import { modelHash } from '../../pipeline/calibrate/plan.ts';
import { movedInput } from '../../pipeline/config/data-movement.ts';
import { intOf } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import type { Node, Value } from '../../pipeline/graph/node.ts';
import { Kernels } from '../../pipeline/kernels/index.ts';
import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { golden } from '../support/golden.ts';
import { suite } from '../support/suite.ts';

const models = [
  ['fmnist-cnn', 'fixtures/models/fmnist-cnn.onnx'],
  ['torch-attention-ts17', 'fixtures/models/exported/torch-attention-ts17.onnx'],
] as const;

const kernels = await Kernels.load();

/** What runtimes take: type and zero point of weights, whether a Conv has them per channel, type of activations, type of biases (null: float). */
const wanted = {
  'default': ['uint8', 128, false, 'uint8', 'int32'],
  'per-channel': ['uint8', 128, true, 'uint8', 'int32'],
  'htp-v73': ['uint8', 128, true, 'uint8', 'int32'],
  'onnxruntime': ['uint8', 128, true, 'uint8', 'int32'],
  'web': ['uint8', 128, true, 'uint8', 'int32'],
  'onnxruntime-qnn': ['int8', 0, true, 'uint8', 'int32'],
  'tensorrt': ['int8', 0, true, 'int8', null],
} as const;
type Preset = keyof typeof wanted;

/** The exported model, as if every tensor had been seen to run from -1 to 3: an asymmetric grid of 8 bits then has its zero at code 64. */
async function exported(path: string, config: Preset): Promise<Model> {
  const sim = await QuantSim.open(path, { config, scheme: 'min-max' });
  const seen = kernels.observe(Float32Array.of(-1, 3));
  const tensors = new Map(sim.placement.quantizers.flatMap(({ observed }) => observed).map(name => [name, seen]));
  await sim.encode({ model: modelHash(sim.model), samples: 1, shards: null, tensors });
  return sim.exported();
}

/** How an operator's input is stored. */
interface Stored {
  readonly dtype: string;
  readonly isConstant: boolean;
  readonly axis: number | null;
  /** null where there are none. */
  readonly zeroPoints: readonly number[] | null;
}

function storedAs(value: Value | null): Stored | null {
  const dequantize = value?.producer;
  if (dequantize?.opType !== 'DequantizeLinear') return null;
  const [codes, scale, zeroPoint] = dequantize.inputs;
  const held = codes!.initializer?.dtype ?? codes!.producer!.inputs[2]!.initializer!.dtype;
  const points = zeroPoint ? [...new Set(Array.from(zeroPoint.initializer!.read().data as ArrayLike<number>))] : null;
  return { dtype: held, isConstant: codes!.initializer !== null, axis: scale!.initializer!.dims.length === 0 ? null : intOf(dequantize, 'axis', 1), zeroPoints: points };
}

/** 'uint8 zero 64', 'constant uint8 axis 0 zero 128', 'constant int32 axis 0'; 'constant' of what is stored as it was, '-' of what is not quantized. */
function described(value: Value | null): string {
  const stored = storedAs(value);
  if (stored === null) return value?.initializer ? 'constant' : '-';
  const { dtype, isConstant, axis, zeroPoints } = stored;
  const zero = zeroPoints === null ? '' : ` zero ${zeroPoints.join()}`;
  return `${isConstant ? 'constant ' : ''}${dtype}${axis === null ? '' : ` axis ${axis}`}${zero}`;
}

/** Whether a node computes with values, and not only moves or stores them. */
const computes = (node: Node): boolean => !['QuantizeLinear', 'DequantizeLinear', 'Shape'].includes(node.opType) && movedInput(node) === null;

/** Every kind of operator that computes, with the forms of its inputs, and how often it is there. */
function table({ graph }: Model): string {
  const counts = new Map<string, number>();
  for (const node of graph.nodes.filter(node => computes(node) && node.inputs.some(input => storedAs(input) !== null))) {
    const line = `${node.opType}(${node.inputs.map(described).join(', ')})`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => `${count} × ${line}\n`).sort((a, b) => (a.slice(a.indexOf('×')) < b.slice(b.indexOf('×')) ? -1 : 1)).join('');
}

suite('export/stored-types', test => {
  for (const [name, path] of models) {
    test(`${name}: every preset stores weights, activations and biases as its runtime takes them, operator by operator as in the golden`, async () => {
      const sections = new Map<string, Preset[]>();
      for (const preset of Object.keys(wanted) as Preset[]) {
        const model = await exported(path, preset);
        const [weightType, zeroPoint, isPerChannel, activationType, biasType] = wanted[preset];
        for (const { opType, inputs } of model.graph.nodes.filter(({ opType }) => opType === 'Conv')) {
          const [x, w, b] = inputs.map(storedAs);
          const weight = inputs[1]!.initializer;
          if (preset === 'web' && weight?.dims[1] === 1) continue; // stays in float there: in the golden
          assert.equal([w?.dtype, w?.zeroPoints, w?.axis, x?.dtype, b?.dtype ?? null], [weightType, [zeroPoint], isPerChannel ? 0 : null, activationType, biasType], `${preset}: ${opType}`);
        }
        const text = table(model);
        sections.set(text, [...sections.get(text) ?? [], preset]);
      }
      await golden(`stored/${name}.txt`, [...sections].map(([text, presets]) => `=== ${presets.join(', ')}\n${text}`).join('\n'));
    });
  }
});
