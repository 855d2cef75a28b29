import { printable } from './exit.ts';

export { byteSize as size } from '../pipeline/base/byte-size.ts';

/** A column: its title, and whether its cells stand right-aligned (numbers). */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Widest it may become; longer cells are cut in the middle, so that both ends of a long tensor name stay readable. */
  readonly most?: number;
}

/** Rows as text, columns padded to their widest cell and divided by two spaces. */
export function table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map(row => row.map((cell, i) => shorten(printable(String(cell)), columns[i]?.most ?? Infinity)));
  const widths = columns.map(({ title }, i) => cells.reduce((width, row) => Math.max(width, row[i]!.length), title.length));
  const line = (row: readonly string[]) => row
    .map((cell, i) => columns[i]!.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join('  ').trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)].join('\n');
}

function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}

/** Seconds for people: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
