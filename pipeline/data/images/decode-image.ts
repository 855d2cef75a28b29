// The door to sharp: an optional peer dependency, so it is imported only when the first image is read.

import type { default as Sharp } from 'sharp';

import { QuantpipeError } from '../../base/errors.ts';
import { decodeSmallPng } from './small-png.ts';

/** Pixels row by row, the channels of each side by side: [H, W, C]. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Largest image that is decoded: 8192 x 8192, 200 MB of pixels. */
const MAX_PIXELS = 1 << 26;

/** How the formats that are read begin; others that the library knows run far more code. */
const FORMATS: readonly (readonly [name: string, isIt: (bytes: Uint8Array) => boolean])[] = [
  ['JPEG', bytes => bytes[0] === 0xff && bytes[1] === 0xd8],
  ['PNG', bytes => text(bytes, 1, 4) === 'PNG'],
  ['WebP', bytes => text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 12) === 'WEBP'],
];

type Library = typeof Sharp;
let library: Promise<Library> | null = null;

/** The library, or `config-invalid` saying what to install. */
export async function loadDecoder(importLibrary: () => Promise<{ readonly default: Library }> = () => import('sharp')): Promise<Library> {
  const { default: sharp } = await importLibrary().catch((cause: NodeJS.ErrnoException) => {
    const fact = cause.code === 'ERR_MODULE_NOT_FOUND' ? 'is not installed' : `does not load here (${cause.message})`;
    throw new QuantpipeError('config-invalid', `images are read by the package sharp, which ${fact}; npm install sharp`, {}, { cause });
  });
  return sharp;
}

/**
 * Decode a JPEG, PNG or WebP image to RGB, upright as its EXIF orientation says; alpha is dropped, colour profiles are ignored.
 * @throws data-invalid where it is none, is damaged or too large
 */
export async function decodeImage(bytes: Uint8Array): Promise<Pixels> {
  if (!FORMATS.some(([, isIt]) => isIt(bytes))) {
    throw new QuantpipeError('data-invalid', bytes.length === 0 ? 'it holds no bytes' : `it is no ${FORMATS.map(([name]) => name).join(', ')} image: it begins with the bytes ${Buffer.from(bytes.subarray(0, 8)).toString('hex')}`);
  }
  return decodeSmallPng(bytes) ?? decodeByLibrary(bytes);
}

/** The same by sharp, whatever the image. */
export async function decodeByLibrary(bytes: Uint8Array): Promise<Pixels> {
  const sharp = await (library ??= loadDecoder());
  try {
    const image = sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS, autoOrient: true, ignoreIcc: true });
    const { data, info: { height, width, channels } } = await image.removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    if (channels !== 1 && channels !== 3) throw new Error(`${channels} channels`);
    return { height, width, channels, data };
  } catch (cause) {
    throw new QuantpipeError('data-invalid', `it cannot be decoded: ${(cause as Error).message.replaceAll(/\s+/g, ' ').trim()}`, {}, { cause });
  }
}

function text(bytes: Uint8Array, begin: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(begin, end));
}
