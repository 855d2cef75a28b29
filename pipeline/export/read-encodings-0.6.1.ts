import type { JsonPlace } from '../config/json-place.ts';
import type { Encoding } from '../quant/encoding.ts';
import { bitwidthAt, encodingAt, entriesByTensor, type EncodingsFile, Fields, type FileEntry, onOneGrid } from './encodings-file.ts';

/** Ends in a file are rounded: they may differ from those that scale and offset give by this share of the range, and by half a step. */
const ROUNDED_ENDS = 1e-3;

/** AIMET's format 0.6.1: objects from tensor to a list with one record per channel. */
export function readEncodings061(root: JsonPlace): EncodingsFile {
  return { version: '0.6.1', entries: readSections(root, dtypeOf) };
}

/** The format up to 0.4, which had no dtype: everything is an integer. */
export function readEncodings04(root: JsonPlace): EncodingsFile {
  return { version: '0.4.0', entries: readSections(root, () => 'int') };
}

/** What AdaRound hands on: the entries of parameters alone, under their names. */
export function readParameters061(root: JsonPlace): EncodingsFile {
  const dtype = (record: Fields): Dtype => record.find('dtype') === null ? 'int' : dtypeOf(record);
  return { version: '0.6.1', entries: entriesByTensor(root.entries().map(([tensor, place]) => [tensor, entryAt(place, dtype)])) };
}

type Dtype = 'int' | 'float';

function readSections(root: JsonPlace, dtype: (record: Fields) => Dtype): Map<string, FileEntry> {
  const sections = new Fields(root);
  return entriesByTensor(['activation_encodings', 'param_encodings'].flatMap(name => sections.get(name).entries())
    .map(([tensor, place]) => [tensor, entryAt(place, dtype)]));
}

const dtypeOf = (record: Fields): Dtype => record.get('dtype').oneOf(['int', 'float']);

function entryAt(place: JsonPlace, dtype: (record: Fields) => Dtype): FileEntry {
  const records = place.items();
  if (records.length === 0) throw place.expected('a record for each channel');
  const [first] = records as [JsonPlace];
  if (dtype(new Fields(first)) === 'float') {
    new Fields(first).get('bitwidth').oneOf([16]);
    return { kind: 'float', place, format: 'float16' };
  }
  const encodings = onOneGrid(place, records.map(record => encodingIn(record, dtype)));
  return { kind: 'integer', place, layout: records.length === 1 ? { kind: 'tensor' } : { kind: 'channel', axis: null }, encodings };
}

function encodingIn(place: JsonPlace, dtype: (record: Fields) => Dtype): Encoding {
  const record = new Fields(place);
  if (dtype(record) !== 'int') throw record.get('dtype').expected('"int", as in the first channel');
  const encoding = encodingAt(record.get('scale'), record.get('offset'), bitwidthAt(record.get('bitwidth')), record.get('is_symmetric').boolean());
  for (const end of ['min', 'max'] as const) checkEnd(record.get(end), encoding[end], encoding);
  return encoding;
}

function checkEnd(place: JsonPlace, expected: number, { delta, min, max }: Encoding): void {
  const tolerance = Math.max(delta / 2, ROUNDED_ENDS * (max - min));
  if (Math.abs(place.number() - expected) > tolerance) throw place.expected(`${expected}, which scale and offset give`);
}
