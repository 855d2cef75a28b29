// Arrow's metadata is flatbuffers: tables that point at vectors and other tables. apache-arrow follows every pointer and
// believes every length, so that some flipped bits make it count to a billion. Here both are checked first.
//
//   table   at its start an int32: the distance back to its vtable. vtable: u16 size, u16 table size, u16 place of each field
//   field   where its place is 0, or beyond the vtable, it is absent; a table or vector is an u32 distance ahead
//   vector  u32 length, then the elements

/** The fields of a table that hold vectors and tables; the others are numbers and texts. */
interface Table {
  readonly [field: number]: { readonly elementBytes: number } | { readonly table: () => Table } | { readonly tables: () => Table } | undefined;
}

const KEY_VALUE: Table = {};
const FIELD: Table = { 5: { tables: () => FIELD }, 6: { tables: () => KEY_VALUE } };
const SCHEMA: Table = { 1: { tables: () => FIELD }, 2: { tables: () => KEY_VALUE }, 3: { elementBytes: 8 } };
const RECORD_BATCH: Table = { 1: { elementBytes: 16 }, 2: { elementBytes: 16 }, 4: { elementBytes: 8 } };
const DICTIONARY_BATCH: Table = { 1: { table: () => RECORD_BATCH } };
const FOOTER: Table = { 1: { table: () => SCHEMA }, 2: { elementBytes: 24 }, 3: { elementBytes: 24 }, 4: { tables: () => KEY_VALUE } };
/** By the type of the header, a byte in field 1 of a message. */
const HEADERS: readonly Table[] = [{}, SCHEMA, DICTIONARY_BATCH, RECORD_BATCH];
const HEADER_TYPE = 1;
const HEADER = 2;
const BODY_LENGTH = 3;
const MESSAGE_METADATA = 4;

/** Where a footer says that a message lies in its file. */
export interface Block {
  readonly start: number;
  /** Of the prefix and the metadata. */
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly type: 'dictionary' | 'batch';
}

/** Check a file's footer. Returns its blocks, which are not checked. @throws RangeError naming what lies outside */
export function checkFooter(bytes: Uint8Array): Block[] {
  const walk = new Walk(bytes), footer = walk.ahead(0);
  walk.table(footer, FOOTER);
  const blocks = (field: number, type: Block['type']) => walk.elements(footer, field, 24)
    .map(at => ({ start: walk.long(at), headBytes: walk.int(at + 8), bodyBytes: walk.long(at + 16), type }));
  return [...blocks(2, 'dictionary'), ...blocks(3, 'batch')];
}

/** Check the metadata of a message. Returns what it is, and how long its body. @throws RangeError naming what lies outside */
export function checkMessage(bytes: Uint8Array): { type: 'schema' | 'dictionary' | 'batch' | null; bodyBytes: number } {
  const walk = new Walk(bytes), message = walk.ahead(0);
  const typeAt = walk.field(message, HEADER_TYPE), type = typeAt === null ? 0 : walk.byte(typeAt);
  const header = HEADERS[type] ?? {};
  walk.table(message, { [HEADER]: { table: () => header }, [MESSAGE_METADATA]: { tables: () => KEY_VALUE } });
  const bodyAt = walk.field(message, BODY_LENGTH);
  return { type: ([null, 'schema', 'dictionary', 'batch'] as const)[type] ?? null, bodyBytes: bodyAt === null ? 0 : walk.long(bodyAt) };
}

class Walk {
  readonly #view: DataView;
  /** Tables that may still be visited: a table takes 4 bytes, so more of them are the same ones again and again. */
  #tablesLeft: number;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#tablesLeft = bytes.byteLength >> 2;
  }

  /** Visit a table and all that it points at. */
  table(at: number, layout: Table): void {
    if (this.#tablesLeft-- <= 0) throw new RangeError('metadata that points at itself');
    for (const [field, content] of Object.entries(layout)) {
      const fieldAt = this.field(at, Number(field));
      if (fieldAt === null || content === undefined) continue;
      if ('table' in content) this.table(this.ahead(fieldAt), content.table());
      else if ('tables' in content) this.#tables(this.ahead(fieldAt), content.tables());
      else this.#vector(this.ahead(fieldAt), content.elementBytes);
    }
  }

  /** Where a field of a table is; null if it is absent. */
  field(table: number, index: number): number | null {
    const vtable = table - this.#view.getInt32(table, true);
    const place = 4 + 2 * index;
    if (place + 2 > this.#view.getUint16(vtable, true)) return null;
    const offset = this.#view.getUint16(vtable + place, true);
    return offset === 0 ? null : table + offset;
  }

  ahead(at: number): number {
    return at + this.#view.getUint32(at, true);
  }

  byte(at: number): number {
    return this.#view.getUint8(at);
  }

  int(at: number): number {
    return this.#view.getInt32(at, true);
  }

  /** An int64; beyond 2^53 rounded, which is beyond any file too. */
  long(at: number): number {
    return Number(this.#view.getBigInt64(at, true));
  }

  /** Where the elements of a vector field are. */
  elements(table: number, index: number, elementBytes: number): number[] {
    const fieldAt = this.field(table, index);
    if (fieldAt === null) return [];
    const vector = this.ahead(fieldAt);
    return Array.from({ length: this.#vector(vector, elementBytes) }, (_, i) => vector + 4 + i * elementBytes);
  }

  #tables(vector: number, layout: Table): void {
    const length = this.#vector(vector, 4);
    for (let i = 0; i < length; i++) this.table(this.ahead(vector + 4 + 4 * i), layout);
  }

  #vector(at: number, elementBytes: number): number {
    const length = this.#view.getUint32(at, true);
    const left = this.#view.byteLength - at - 4;
    if (length * elementBytes > left) throw new RangeError(`a vector of ${length} elements of ${elementBytes} bytes is declared, ${left} bytes are left`);
    return length;
  }
}
