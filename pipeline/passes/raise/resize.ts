import { stringAttribute, stringOf } from '../../graph/attribute.ts';
import { addInitializer, addValue, insertBefore, setInput } from '../../graph/edit.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node, Value } from '../../graph/node.ts';
import { floats, type FormChange, refuse, renamedNode, setConstant } from './form-change.ts';

/** How Upsample became Resize. The old operators meant coordinates that scale from the corner ("asymmetric"). */
export const resizeChanges: readonly FormChange[] = [
  /** The attribute `scales` became an input. */
  { opType: 'Upsample', since: 9, rewrite(graph, node) {
    const scales = node.attributes.get('scales');
    if (scales?.kind !== 'floats') return refuse(node, 9, `it has no list 'scales'`);
    setConstant(graph, node, 1, 'scales', floats(scales.value));
    return node;
  } },
  /** The operator became Resize, of the same form. It only ever enlarged, so what is nearest is said here. */
  { opType: 'Upsample', since: 10, rewrite(graph, node) {
    if (isNearest(node)) node.attributes.set('nearest_mode', stringAttribute('floor'));
    return renamedNode(graph, node, 'Resize');
  } },
  /** The scales moved from input 1 to 2, and what was understood is said. */
  { opType: 'Resize', since: 11, rewrite(graph, node) {
    const scales = node.inputs[1] ?? null;
    setInput(node, 1, null);
    setInput(node, 2, scales);
    node.attributes.set('coordinate_transformation_mode', stringAttribute('asymmetric'));
    if (isNearest(node) && !node.attributes.has('nearest_mode')) sayNearest(graph, node);
    return node;
  } },
  /** An empty tensor stood for an absent input; one transformation of coordinates went. */
  { opType: 'Resize', since: 13, rewrite(_, node) {
    node.inputs.forEach((value, index) => index > 0 && value?.initializer?.dims.includes(0) && setInput(node, index, null));
    if (stringOf(node, 'coordinate_transformation_mode', '') === 'tf_half_pixel_for_nn') withoutHalfPixelForNearest(node);
    return node;
  } },
];

const isNearest = (node: Node): boolean => stringOf(node, 'mode', 'nearest') === 'nearest';

/** ONNX Runtime took the element below along axes that grow, and the one above along those that shrink. Where both may be, two nodes: first grow, then shrink. */
function sayNearest(graph: Graph, node: Node): void {
  const scales = node.inputs[2]?.initializer?.read().data as Float32Array | undefined;
  const mode = scales?.every(scale => scale >= 1) ? 'floor' : scales?.every(scale => scale <= 1) ? 'ceil' : null;
  node.attributes.set('nearest_mode', stringAttribute(mode ?? 'ceil'));
  if (mode !== null) return;
  const [x, both] = [node.inputs[0]!, node.inputs[2]!];
  const grown = addValue(graph, `${node.outputs[0]!.name}_grown`);
  const attributes = { ...Object.fromEntries(node.attributes), nearest_mode: stringAttribute('floor') };
  insertBefore(graph, node, { opType: 'Resize', attributes, inputs: [x, null, bounded(graph, node, 'Max', both)], outputs: [grown] });
  setInput(node, 0, grown);
  setInput(node, 2, bounded(graph, node, 'Min', both));
}

/** Scales of at least 1 (Max), or at most (Min). */
function bounded(graph: Graph, node: Node, opType: 'Max' | 'Min', scales: Value): Value {
  if (scales.initializer !== null) {
    const values = Array.from(scales.initializer.read().data as Float32Array, scale => (opType === 'Max' ? Math.max : Math.min)(scale, 1));
    return addInitializer(graph, `${scales.name}_${opType}`, floats(values));
  }
  const result = addValue(graph, `${scales.name}_${opType}`);
  insertBefore(graph, node, { opType, inputs: [scales, addInitializer(graph, `${scales.name}_one`, floats([1]))], outputs: [result] });
  return result;
}

/** With t the coordinate by half_pixel, tf_half_pixel_for_nn is t + 1/2: the same element by another rounding, where there is one. */
function withoutHalfPixelForNearest(node: Node): void {
  const rounding = { floor: 'round_prefer_ceil', round_prefer_floor: 'ceil' } as const;
  const nearest = stringOf(node, 'nearest_mode', 'round_prefer_floor');
  if (!isNearest(node) || !Object.hasOwn(rounding, nearest)) refuse(node, 13, `coordinate transformation 'tf_half_pixel_for_nn' went, and with rounding '${nearest}' no other means the same`);
  node.attributes.set('coordinate_transformation_mode', stringAttribute('half_pixel'));
  node.attributes.set('nearest_mode', stringAttribute(rounding[nearest as keyof typeof rounding]));
}
