import { intAttribute } from '../graph/attribute.ts';
import { addInitializer, addValue, insertAfter, setOutput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import { scalarOf } from '../graph/match.ts';
import type { Node, Value } from '../graph/node.ts';
import { elementTypeCode } from '../passes/element-types.ts';
import { integers } from './insert-quantizer.ts';

/**
 * Give a Softmax whose axis turns out to have one element its only possible result, 1, in 8-bit codes: after its QuantizeLinear no code is above
 * that of 1, and over one element none is below it either. The Clip of codes stands between QuantizeLinear and DequantizeLinear, so that ONNX
 * Runtime makes its integer kernels of what is before and behind.
 *
 *     floor = Cast(Where(Gather(Shape(x), axis) == 1, code of 1, lowest code))    codes = Clip(codes, floor, code of 1)
 */
export function holdSingleElement(graph: Graph, softmax: Node, axis: number, quantize: Node): void {
  const [, scale, zeroPoint] = quantize.inputs;
  const zero = zeroPoint!.initializer!.read().data;
  const [dtype, lowest, highest] = zero instanceof Int8Array ? ['int8', -128, 127] as const : ['uint8', 0, 255] as const;
  const one = Math.min(highest, Math.round(1 / scalarOf(scale!)!) + Number(zero[0]));
  const codes = quantize.outputs[0]!;
  const inner = (suffix: string, type: Value['type']) => Object.assign(addValue(graph, `${codes.name}_${suffix}`), { type });
  const scalar = (suffix: string, value: number) => addInitializer(graph, `${codes.name}_${suffix}`, { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) });
  const unheld = inner('unheld', codes.type);
  setOutput(quantize, 0, unheld);
  const [shape, length, isSingle, least, floor] = ['shape', 'length', 'is_single', 'least', 'floor'].map(suffix => inner(suffix, null)) as [Value, Value, Value, Value, Value];
  const specs = [
    { opType: 'Shape', inputs: [softmax.inputs[0]!], outputs: [shape] },
    { opType: 'Gather', inputs: [shape, scalar('axis', axis)], outputs: [length] },
    { opType: 'Equal', inputs: [length, scalar('single', 1)], outputs: [isSingle] },
    { opType: 'Where', inputs: [isSingle, scalar('one', one), scalar('lowest', lowest)], outputs: [least] }, // there is no Where of int8
    { opType: 'Cast', attributes: { to: intAttribute(elementTypeCode(dtype)) }, inputs: [least], outputs: [floor] },
    { opType: 'Clip', inputs: [unheld, floor, addInitializer(graph, `${codes.name}_ceiling`, integers([one], [], dtype))], outputs: [codes] },
  ];
  specs.reduce((last, spec) => insertAfter(graph, last, { ...spec, name: `${codes.name}_${spec.opType}` }), quantize);
}
