// What the values of options mean. What cannot be read is commander's error about an argument, which says what was expected and what came.

import { InvalidArgumentError } from 'commander';

/** A bit-width of integers, or a floating-point format of 16 bits. */
export type BitsOrFormat = number | 'float16' | 'bfloat16';

const FORMATS = ['float16', 'bfloat16'] as const;

export function bitsOrFormat(least: number): (text: string) => BitsOrFormat {
  return text => FORMATS.find(format => format === text) ?? integer('bit-width', least, 32, ', or float16 or bfloat16')(text);
}

/** Of activations, which may also stay as they are. */
export function bitsFormatOrNone(least: number): (text: string) => BitsOrFormat | 'float32' {
  return text => text === 'float32' ? text : FORMATS.find(format => format === text) ?? integer('bit-width', least, 32, ', or float16, bfloat16 or float32')(text);
}

/** @param others what else the option takes, as in ', or float16' */
export function integer(what: string, least: number, most = Number.MAX_SAFE_INTEGER, others = ''): (text: string) => number {
  return text => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`${what} must be a whole number ${value > Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : range(least, most)}${others}, got '${text}'.`);
    }
    return value;
  };
}

export function number(what: string, { above = -Infinity, least = -Infinity, most = Infinity } = {}): (text: string) => number {
  const bounds = [...(above > -Infinity ? [` above ${above}`] : []), ...(least > -Infinity ? [` of at least ${least}`] : []), ...(most < Infinity ? [`, at most ${most}`] : [])].join('');
  return text => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value <= above || value < least || value > most) {
      throw new InvalidArgumentError(`${what} must be a number${bounds}, got '${text}'.`);
    }
    return value;
  };
}

function range(least: number, most: number): string {
  return most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
}

export function integerList(text: string): number[] {
  return text.split(',').map(integer('each class', 0));
}

const UNITS: Readonly<Record<string, number>> = { '': 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, k: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const UNITS_BY_NAME = new Map(Object.entries(UNITS).map(([name, bytes]) => [name.toLowerCase(), bytes]));

/** A size with a unit: KiB, MiB, GiB are powers of 1024, kB, MB, GB of 1000; k, m, g alone are powers of 1024. */
export function byteCount(text: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const bytes = Number(value) * (UNITS_BY_NAME.get((unit ?? '?').toLowerCase()) ?? NaN);
  if (!(bytes >= 1)) throw new InvalidArgumentError(`expected a size such as 512MiB or 2GB, got '${text}'.`);
  return Math.floor(bytes);
}

export function numbers(text: string): number[] {
  return text.split(',').map(number('each value'));
}

export function assignment(form: 'NAME=COLUMN' | 'NAME=VALUE'): (text: string, earlier?: Readonly<Record<string, string>>) => Record<string, string> {
  return (text, earlier = {}) => {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) throw new InvalidArgumentError(`expected ${form}, got '${text}'.`);
    const name = text.slice(0, at);
    if (Object.hasOwn(earlier, name)) throw new InvalidArgumentError(`'${name}' was given '${earlier[name]}' before, and now '${text.slice(at + 1)}'.`);
    return { ...earlier, [name]: text.slice(at + 1) };
  };
}

export function padding(text: string, earlier: Readonly<Record<string, number>> = {}): Record<string, number> {
  const before = Object.fromEntries(Object.entries(earlier).map(([column, value]) => [column, String(value)]));
  const [column, value] = Object.entries(assignment('NAME=VALUE')(text, before)).at(-1)!;
  return { ...earlier, [column]: number('the value')(value) };
}

/** A number of pixels, or HEIGHTxWIDTH. */
export function size<T>(ofOne: (edge: number) => T): (text: string) => T | { height: number; width: number } {
  return text => {
    const [, height, width] = /^(\d+)x(\d+)$/.exec(text) ?? [];
    const edge = integer('size', 1, 16384);
    return height === undefined ? ofOne(edge(text)) : { height: edge(height), width: edge(width!) };
  };
}

export function shard(text: string): { index: number; count: number } {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index === undefined || Number(count) < 1 || Number(index) >= Number(count)) {
    throw new InvalidArgumentError(`expected I/N with I from 0 to N-1, got '${text}'.`);
  }
  return { index: Number(index), count: Number(count) };
}
