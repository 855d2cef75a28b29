/** Protobuf bytes by hand, so that tests of the reader owe nothing to the library behind it. */
export type Bytes = Uint8Array;

export function varint(value: number | bigint): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

export function concat(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts));
}

/** A field: an integer as a varint; text, bytes and messages (the parts concatenated) with their length. */
export function field(number: number, ...content: readonly (number | bigint | string | Bytes)[]): Bytes {
  const [first] = content;
  if (content.length === 1 && (typeof first === 'number' || typeof first === 'bigint')) return concat(varint(number << 3), varint(first));
  const bytes = concat(...content.map(part => typeof part === 'string' ? new TextEncoder().encode(part) : part as Bytes));
  return concat(varint((number << 3) | 2), varint(bytes.length), bytes);
}

/** A 32-bit or 64-bit field, as it stands. */
export function fixed(number: number, bytes: Bytes): Bytes {
  return concat(varint((number << 3) | (bytes.length === 4 ? 5 : 1)), bytes);
}

// What the tests of onnx/ need of the format, by its field numbers.

export const model = (graph: Bytes, ...more: readonly Bytes[]) => concat(field(1, 8), field(7, graph), field(8, field(1, ''), field(2, 17)), ...more);
export const graph = (...parts: readonly Bytes[]) => concat(...parts, field(2, 'g'));
export const node = (op: string, inputs: readonly string[], outputs: readonly string[], ...more: readonly Bytes[]) =>
  field(1, ...inputs.map(name => field(1, name)), ...outputs.map(name => field(2, name)), field(4, op), ...more);
export const input = (name: string) => field(11, valueInfo(name));
export const output = (name: string) => field(12, valueInfo(name));
export const initializer = (name: string, dims: readonly (number | bigint)[], dataType: number, ...content: readonly Bytes[]) =>
  field(5, tensor(name, dims, dataType, ...content));
export const tensor = (name: string, dims: readonly (number | bigint)[], dataType: number, ...content: readonly Bytes[]) =>
  concat(...dims.map(dim => field(1, dim)), field(2, dataType), ...content, field(8, name));
export const rawData = (bytes: Bytes) => field(9, bytes);
export const externalData = (entries: Readonly<Record<string, string>>) =>
  concat(...Object.entries(entries).map(([key, value]) => field(13, field(1, key), field(2, value))), field(14, 1));

function valueInfo(name: string): Bytes {
  return concat(field(1, name), field(2, field(1, field(1, 1), field(2, field(1, field(1, 4))))));
}
