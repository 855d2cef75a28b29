// Runs every *.test.js under dist/test, or those whose path holds the first argument.
import { parse } from 'uvu/parse';
import { run } from 'uvu/run';

import { tally } from './support/tally.ts';

const [pattern = ''] = process.argv.slice(2);
const { suites } = await parse(import.meta.dirname, '\\.test\\.js$');
await run(suites.filter(({ name }: { name: string }) => name.includes(pattern)), { bail: false });

const { declared, passed, skipped } = tally;
for (const line of skipped) console.log(`skipped: ${line}`);
console.log(`${passed} passed, ${declared - passed} failed, ${skipped.length} skipped`);
if (declared === 0 || passed < declared) process.exitCode = 1;
