import type { Message } from '@bufbuild/protobuf';
import * as assert from 'uvu/assert';

import { decodeMessage, type MessageName } from '../../pipeline/onnx/schema.ts';

/** Assert that two serialized messages hold the same, fields that the schema does not know included, and list what differs. */
export function sameMessage(name: MessageName, actual: Uint8Array, expected: Uint8Array, what: string = name): void {
  const differences = [...compare(decodeMessage(name, actual), decodeMessage(name, expected), what)];
  assert.ok(differences.length === 0, differences.slice(0, 20).join('\n'));
}

/** Presence counts: a field with its default value is not an absent one. */
function* compare(actual: unknown, expected: unknown, path: string): Generator<string> {
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    if (Buffer.compare(actual, expected) !== 0) yield `${path}: ${actual.length} bytes differ from ${expected.length} bytes`;
  } else if (isObject(actual) && isObject(expected)) {
    if (Array.isArray(actual) && actual.length !== (expected as unknown as unknown[]).length) yield `${path}: ${actual.length} items, expected ${(expected as unknown as unknown[]).length}`;
    for (const key of new Set([...Object.keys(actual), ...Object.keys(expected)])) yield* compare(actual[key], expected[key], `${path}.${key}`);
  } else if (!Object.is(actual, expected)) {
    yield `${path}: got ${String(actual)}, expected ${String(expected)}`;
  }
}

function isObject(value: unknown): value is Record<string, unknown> & Partial<Message> {
  return typeof value === 'object' && value !== null;
}
