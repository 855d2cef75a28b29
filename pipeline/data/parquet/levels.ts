// Parquet's hybrid of runs and bit-packed groups: levels, dictionary indices, booleans.
// https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE

/** Bits that hold the numbers 0 to `most`. */
export function bitsFor(most: number): number {
  return 32 - Math.clz32(most);
}

/**
 * Decode `count` numbers of `width` bits. A run may declare any length: no more than `count` is believed.
 * @throws RangeError where the bytes end before the numbers do
 */
export function hybridNumbers(bytes: Uint8Array, width: number, count: number): Int32Array {
  if (width > 32) throw new RangeError(`numbers of ${width} bits`);
  const numbers = new Int32Array(count);
  let at = 0;
  const next = (): number => {
    if (at >= bytes.length) throw new RangeError(`${bytes.length} bytes do not hold ${count} numbers`);
    return bytes[at++]!;
  };
  for (let filled = 0; filled < count;) {
    const header = varint(next);
    if ((header & 1) === 0) {
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value |= next() << shift;
      const run = Math.min(header >>> 1, count - filled);
      if (run === 0) throw new RangeError('a run of no numbers');
      numbers.fill(value, filled, filled + run);
      filled += run;
    } else {
      const packed = Math.min((header >>> 1) * 8, count - filled);
      if (packed === 0) throw new RangeError('a group of no numbers');
      unpack(bytes, at, width, numbers.subarray(filled, filled + packed));
      at += (header >>> 1) * width;
      filled += packed;
    }
  }
  return numbers;
}

/** An unsigned LEB128 number of at most 32 bits. */
export function varint(next: () => number): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = next();
    value |= (byte & 127) << shift;
    if (byte < 128) return value >>> 0;
  }
  throw new RangeError('a number of more than 32 bits');
}

/** Numbers of `width` bits, the lowest bit first. */
function unpack(bytes: Uint8Array, begin: number, width: number, out: Int32Array): void {
  if (begin + Math.ceil(out.length * width / 8) > bytes.length) throw new RangeError(`${bytes.length - begin} bytes do not hold ${out.length} numbers of ${width} bits`);
  let bit = begin * 8;
  for (let i = 0; i < out.length; i++) {
    let value = 0;
    for (let got = 0; got < width;) {
      const inByte = bit & 7, taken = Math.min(8 - inByte, width - got);
      value |= ((bytes[bit >> 3]! >> inByte) & ((1 << taken) - 1)) << got;
      got += taken;
      bit += taken;
    }
    out[i] = value;
  }
}
