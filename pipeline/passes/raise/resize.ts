import { type Attribute, stringAttribute, stringOf } from '../../graph/attribute.ts';
import { replaceNode, setInput } from '../../graph/edit.ts';
import type { Node } from '../../graph/node.ts';
import { floats, type FormChange, refuse, setConstant } from './form-change.ts';

/** How Upsample became Resize. The old operators meant coordinates that scale from the corner ("asymmetric"). */
export const resizeChanges: readonly FormChange[] = [
  /** The attribute `scales` became an input. */
  { opType: 'Upsample', since: 9, rewrite(graph, node) {
    const scales = node.attributes.get('scales');
    if (scales?.kind !== 'floats') return refuse(node, 9, `it has no list 'scales'`);
    setConstant(graph, node, 1, 'scales', floats(scales.value));
    return node;
  } },
  /** The operator became Resize, of the same form. */
  { opType: 'Upsample', since: 10, rewrite(graph, node) {
    return replaceNode(graph, node, { opType: 'Resize', name: node.name, attributes: Object.fromEntries(node.attributes), inputs: [...node.inputs] });
  } },
  /** The scales moved from input 1 to 2, and what was understood is said. */
  { opType: 'Resize', since: 11, rewrite(_, node) {
    const scales = node.inputs[1] ?? null;
    setInput(node, 1, null);
    setInput(node, 2, scales);
    const said: Record<string, Attribute> = { coordinate_transformation_mode: stringAttribute('asymmetric') };
    if (stringOf(node, 'mode', 'nearest') === 'nearest') said['nearest_mode'] = stringAttribute(nearest(node));
    for (const [name, attribute] of Object.entries(said)) node.attributes.set(name, attribute);
    return node;
  } },
];

/** ONNX Runtime takes the element below when it enlarges, and the one above when it shrinks; scales that are not constant enlarge. */
function nearest(node: Node): 'floor' | 'ceil' {
  const scales = node.inputs[2]?.initializer?.read().data as Float32Array | undefined;
  if (scales === undefined || scales.every(scale => scale >= 1)) return 'floor';
  return scales.every(scale => scale <= 1) ? 'ceil' : refuse(node, 11, 'it enlarges along one axis and shrinks along another');
}
