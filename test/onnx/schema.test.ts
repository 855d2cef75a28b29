import { readFile } from 'node:fs/promises';
import type { Message } from '@bufbuild/protobuf';
import * as assert from 'uvu/assert';

import { decodeMessage, encodeMessage } from '../../pipeline/onnx/schema.ts';
import { sameMessage } from '../support/messages.ts';
import { suite } from '../support/suite.ts';

/** The fields that the schema leaves undecoded. */
const undecoded: Readonly<Record<string, number>> = { floatData: 4, int32Data: 5, int64Data: 7, doubleData: 10, uint64Data: 11 };

/** Whether a field holds what protobuf's JSON form says: 64-bit integers and bytes are strings there; text may be undecoded here. */
function agrees(actual: unknown, json: unknown): boolean {
  if (actual instanceof Uint8Array) return [Buffer.from(actual).toString('base64'), Buffer.from(actual).toString()].includes(json as string);
  return Object.is(typeof actual === 'bigint' ? String(actual) : actual, json);
}

function* differences(message: Message & Record<string, unknown>, json: Record<string, unknown>, path: string): Generator<string> {
  const found = Object.keys(message).filter(key => !key.startsWith('$') && !(Array.isArray(message[key]) && (message[key] as unknown[]).length === 0));
  const expected = Object.keys(json).filter(key => !(key in undecoded));
  if (found.sort().join() !== expected.sort().join()) yield `${path} has ${found.join()}, expected ${expected.join()}`;
  for (const key of Object.keys(json).filter(key => key in undecoded)) {
    if (!message.$unknown?.some(({ no }) => no === undecoded[key])) yield `${path}.${key} is lost`;
  }
  for (const key of expected) {
    const [actuals, values] = [message[key], json[key]].map(value => Array.isArray(value) ? value as unknown[] : [value]);
    if (actuals!.length !== values!.length) yield `${path}.${key}: ${actuals!.length} items, expected ${values!.length}`;
    for (const [at, value] of values!.entries()) {
      if (typeof value === 'object') yield* differences(actuals![at] as never, value as never, `${path}.${key}[${at}]`);
      else if (!agrees(actuals![at], value)) yield `${path}.${key}[${at}]: got ${String(actuals![at])}, expected ${String(value)}`;
    }
  }
}

suite('onnx/schema', test => {
  test("reads every field of every message as the format's own library does", async () => {
    const message = decodeMessage('ModelProto', await readFile('fixtures/onnx/every-field.pb'));
    const json = JSON.parse(await readFile('fixtures/onnx/every-field.json', 'utf8')) as Record<string, unknown>;
    assert.equal([...differences(message as never, json, 'model')], []);
  });

  test('writes back all of it', async () => {
    const bytes = await readFile('fixtures/onnx/every-field.pb');
    const written = encodeMessage('ModelProto', decodeMessage('ModelProto', bytes));
    assert.is(written.length, bytes.length);
    sameMessage('ModelProto', written, bytes);
  });
});
