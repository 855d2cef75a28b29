import type { ModelProto } from './messages.ts';

/** The first version of the format in which a model must say which operator sets it uses. Before, there was one. */
const FIRST_IR_WITH_OPSETS = 3n;

/** The version of each imported operator set; the standard one is called '' here, 'ai.onnx' in some files. */
export function readOpsets({ irVersion, opsetImport }: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>(irVersion < FIRST_IR_WITH_OPSETS && opsetImport.length === 0 ? [['', 1]] : []);
  for (const { domain, version } of opsetImport) {
    const name = standardName(domain);
    opsets.set(name, Math.max(opsets.get(name) ?? 0, Number(version)));
  }
  return opsets;
}

export function standardName(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
