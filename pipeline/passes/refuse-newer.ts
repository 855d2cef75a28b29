import { QuantpipeError } from '../base/errors.ts';
import type { Model } from '../graph/graph.ts';

/** The newest version of the standard operator set whose operators were looked through for this program; onnx/onnx, Changelog.md. */
const NEWEST_KNOWN = 26;

/** Throw `op-unsupported` for a model of a version that is not known: what its operators mean may have changed. */
export function refuseNewer({ graph: { nodes }, opsets }: Model): void {
  const version = opsets.get('') ?? 0;
  const first = nodes.find(({ domain }) => domain === '');
  if (version <= NEWEST_KNOWN || first === undefined) return;
  throw new QuantpipeError('op-unsupported',
    `${first.title} is of opset ${version}, and operators are known up to opset ${NEWEST_KNOWN}: export the model again, to that opset or an older one`,
    { node: first.label, operator: first.opType, opset: version });
}
