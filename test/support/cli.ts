import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output as it came. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly cwd?: string;
  /** Nobody reads standard output. */
  readonly unread?: true;
  /** Nobody reads standard error. */
  readonly unheard?: true;
  /** Called with each piece of standard error, e.g. to send a signal when a line appears. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

const main = join(import.meta.dirname, '../../cli/main.js');

/** Run the command line as a user does: in a process of its own. */
export function quantpipe(args: readonly string[], { stdin, cwd, unread, unheard, onStderr }: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { ...(cwd === undefined ? {} : { cwd }), stdio: 'pipe' });
    const out: Buffer[] = [];
    if (unread) child.stdout.destroy();
    if (unheard) child.stderr.destroy();
    let stderr = '';
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
      onStderr?.(stderr, signal => child.kill(signal));
    });
    child.on('error', reject).on('close', code => {
      const bytes = Buffer.concat(out);
      resolve({ code, stdout: bytes.toString(), bytes, stderr });
    });
    child.stdin.on('error', () => {}); // the child may have stopped reading: its exit code tells
    child.stdin.end(stdin);
  });
}
