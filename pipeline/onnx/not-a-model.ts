import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** How other files begin that people mistake for a model, and what to tell them. */
const signatures: readonly (readonly [start: string, kind: string, at?: number])[] = [
  ['PK\x03\x04', 'a zip archive, as PyTorch checkpoints are: export the model with torch.onnx.export'],
  ['\x80\x02', 'a Python pickle, as old PyTorch checkpoints are: export the model with torch.onnx.export'],
  ['\x89HDF', 'an HDF5 file, as Keras writes: convert the model with tf2onnx'],
  ['GGUF', 'a GGUF file'],
  ['\x1f\x8b', 'a gzip file: unpack it first'],
  ['ORTM', 'a model in the ORT format: use the ONNX file that it was made from', 4],
  ['TFL3', 'a TensorFlow Lite model: convert it with tf2onnx', 4],
  ['ARROW1', 'an Arrow file: the model comes first, data second'],
  ['\xff\xff\xff\xff', 'an Arrow stream: the model comes first, data second'],
  ['PAR1', 'a Parquet file: the model comes first, data second'],
  ['\x93NUMPY', 'a NumPy array: the model comes first, data second'],
  ['version https://git-lfs', 'a Git LFS pointer: fetch the model with git lfs pull'],
];

/** What `bytes` are, where that is plainly no ONNX model; else null. */
export function foreignKind(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return 'an empty file';
  const head = String.fromCharCode(...bytes.subarray(0, 512));
  const known = signatures.find(([start, , at = 0]) => head.startsWith(start, at));
  if (known !== undefined) return known[1];
  return /^[\t\n\r\x20-\x7e]+$/.test(head) ? 'a text file' : null;
}

/** Number of ModelProto.ir_version, which every writer puts first, and of ModelProto.graph. */
const IR_VERSION = 1;
const GRAPH = 7;

/** Where a model breaks off, in words; null where it does not, or where the bytes do not begin like a model. */
export function truncation(bytes: Uint8Array): string | null {
  const reader = new BinaryReader(bytes);
  try {
    for (let first = true; reader.pos < reader.len; first = false) {
      const [number, wireType] = reader.tag();
      if (first && (number !== IR_VERSION || wireType !== WireType.Varint)) return null;
      if (wireType !== WireType.LengthDelimited) {
        reader.skip(wireType, number);
        continue;
      }
      const length = reader.uint32(), left = reader.len - reader.pos;
      if (length > left) return `${number === GRAPH ? 'its graph' : `field ${number}`} needs ${length} bytes from offset ${reader.pos}, ${left} are there`;
      reader.pos += length;
    }
    return null;
  } catch {
    return null;
  }
}
