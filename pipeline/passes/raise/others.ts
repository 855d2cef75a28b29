import { intOf, stringAttribute, stringOf } from '../../graph/attribute.ts';
import { dropUnread, type FormChange, refuse, renamedNode } from './form-change.ts';

/** Changes of meaning or name, and the forms that no rule here can raise. */
export const otherChanges: readonly FormChange[] = [
  /** `spatial` went; without it, statistics are per channel. */
  { opType: 'BatchNormalization', since: 9, rewrite(_, node) {
    if (intOf(node, 'spatial', 1) === 0) refuse(node, 9, 'spatial = 0 (statistics per position) has no newer form');
    node.attributes.delete('spatial');
    return node;
  } },
  /** More than one output meant training; since 14 an attribute does. */
  { opType: 'BatchNormalization', since: 14, rewrite(graph, node) {
    dropUnread(graph, node, 14, 'it has the outputs of training');
    return node;
  } },
  /** The mask became boolean. */
  { opType: 'Dropout', since: 10, rewrite(graph, node) {
    dropUnread(graph, node, 10, 'its mask is read');
    return node;
  } },
  /** Scatter was renamed. */
  { opType: 'Scatter', since: 11, rewrite(graph, node) {
    return renamedNode(graph, node, 'ScatterElements');
  } },
  /** Boxes used to be shifted by half a pixel of the output. */
  { opType: 'RoiAlign', since: 16, rewrite(_, node) {
    node.attributes.set('coordinate_transformation_mode', stringAttribute('output_half_pixel'));
    return node;
  } },
  /** Modes were renamed: bilinear → linear, bicubic → cubic. */
  { opType: 'GridSample', since: 20, rewrite(_, node) {
    node.attributes.set('mode', stringAttribute(stringOf(node, 'mode', 'bilinear').replace(/^bi/, '')));
    return node;
  } },
];
