// npm run bench [path part]: prints the table of every *.bench.js here, or of those whose path holds the argument.
import { readdir } from 'node:fs/promises';

import { setV8Flags } from '../../cli/v8-flags.ts';
import type { Row, Rows } from './bench.ts';

setV8Flags();

const [pattern = ''] = process.argv.slice(2);
const files = (await readdir(import.meta.dirname)).filter(file => file.endsWith('.bench.js') && file.includes(pattern)).sort();
if (files.length === 0) throw new Error(`no bench has '${pattern}' in its name`);

for (const file of files) {
  console.log(`\n${file.replace('.bench.js', '')}`);
  const { rows } = await import(new URL(file, import.meta.url).href) as { rows: Rows };
  let above: Row = {};
  for await (const row of rows()) {
    if (Object.keys(row).join() !== Object.keys(above).join()) console.log(line(Object.keys(row)));
    console.log(line(Object.values(row)));
    above = row;
  }
}

/** The first column is a name, the others are numbers. */
function line([name, ...numbers]: (string | number)[]): string {
  return String(name).padEnd(36) + numbers.map(number => String(number).padStart(16)).join('');
}
