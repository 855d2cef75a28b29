import { check } from './check.ts';

/**
 * A value as JSON text that depends on nothing but the value: keys sorted, numbers in their shortest form that reads back equal, lists
 * of plain values on one line. Ends with a newline. Keys whose value is undefined are left out; numbers must be finite.
 */
export function stableJson(value: unknown): string {
  return `${textOf(value, '\n')}\n`;
}

function textOf(value: unknown, lineBreak: string): string {
  if (typeof value !== 'object' || value === null) return plainText(value);
  const inner = `${lineBreak}  `;
  if (Array.isArray(value)) {
    if (value.every(isPlain)) return `[${value.map(plainText).join(', ')}]`;
    return `[${value.map(item => inner + textOf(item, inner)).join(',')}${lineBreak}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return '{}';
  return `{${entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${textOf(item, inner)}`).join(',')}${lineBreak}}`;
}

const isPlain = (value: unknown): boolean => typeof value !== 'object' || value === null;

function plainText(value: unknown): string {
  check(typeof value !== 'number' || Number.isFinite(value), `JSON has no ${String(value)}`);
  const text = JSON.stringify(value) as string | undefined;
  check(text !== undefined, `JSON has no ${typeof value}`);
  return text;
}
