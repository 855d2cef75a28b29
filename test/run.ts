// Runs every *.test.js under dist/test, or those whose path holds the first argument. All of them together run in several processes,
// each of which takes every n-th file; what they print follows one after the other, and one line adds them up.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'uvu/parse';
import { run } from 'uvu/run';

import { tally } from './support/tally.ts';

/** Twice as many processes as processors, so that none of these idles while the longest files run; more than four gain little. */
const PROCESSES = Math.min(4, 2 * availableParallelism());

const [pattern = '', part = '0', of = '1'] = process.argv.slice(2);
if (pattern === '' && of === '1') await runTogether(PROCESSES);
else await runPart(Number(part), Number(of));

async function runPart(part: number, of: number): Promise<void> {
  const { suites } = await parse(import.meta.dirname, '\\.test\\.js$');
  const wanted = suites.filter(({ name }: { name: string }) => name.includes(pattern));
  const ours = of === 1 ? wanted : wanted.toSorted((a, b) => (basename(a.name) < basename(b.name) ? -1 : 1)).filter((_, i) => i % of === part); // a folder's files take about the same time: spread them
  await run(ours, { bail: false });
  const { declared, passed, skipped } = tally;
  for (const line of skipped) console.log(`skipped: ${line}`);
  close({ passed, failed: declared - passed, skipped: skipped.length });
}

interface Counts { readonly passed: number; readonly failed: number; readonly skipped: number }

function close({ passed, failed, skipped }: Counts): void {
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (passed + failed === 0 || failed > 0) process.exitCode = 1;
}

async function runTogether(of: number): Promise<void> {
  const outputs = await Promise.all([...Array(of).keys()].map(part => outputOf(['', String(part), String(of)])));
  const counts = outputs.map(output => {
    const [line, passed, failed, skipped] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output) ?? [];
    process.stdout.write(line === undefined ? output : output.replace(`${line}\n`, ''));
    return line === undefined ? { passed: 0, failed: 1, skipped: 0 } : { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) }; // it came to no end
  });
  const total = (count: keyof Counts) => counts.reduce((sum, part) => sum + part[count], 0);
  close({ passed: total('passed'), failed: total('failed'), skipped: total('skipped') });
}

function outputOf(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; });
    child.on('error', reject).on('close', () => resolve(output));
  });
}
