let isFile = false;

/** Where the output is '-', standard output is a file's content from here on: a reader that stops early has lost some of it. */
export function noteOutput(path: string): void {
  isFile ||= path === '-';
}

/** End where standard output cannot be written. A reader that stops early is an error only of a file: not of `quantpipe inspect … | head`. */
export function watchStandardOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE' && !isFile) process.exit(0);
    process.stderr.write(`quantpipe: cannot write to standard output: ${code === 'EPIPE' ? 'its reader is gone' : message}\n`);
    process.exit(1);
  });
}

/** Progress and warnings that cannot be written (a reader that is gone, a terminal that was closed, a full disk) end no work. */
export function watchStandardError(): void {
  process.stderr.on('error', () => {});
}
