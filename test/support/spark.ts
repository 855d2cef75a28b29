import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The Python that tests reach Spark through, or why there is none. */
export async function sparkPython(): Promise<{ readonly python: string } | { readonly reason: string }> {
  const python = process.env['PYSPARK_PYTHON'] || 'python3';
  const missing = await run(python, ['-c', 'import pyspark, pyarrow, pandas']).then(() => null, error => lastLine(error));
  if (missing !== null) return { reason: `${python} has no PySpark (${missing}); pip install 'pyspark[sql]>=4', or set PYSPARK_PYTHON` };
  const java = await run('java', ['-version']).then(() => null, error => lastLine(error));
  return java === null ? { python } : { reason: `there is no Java (${java})` };
}

function lastLine(error: { readonly stderr?: string; readonly message: string }): string {
  return (error.stderr || error.message).trim().split('\n').at(-1)!;
}

/**
 * With pyarrow, the first `rows` samples of an Arrow file, the file repeated as often as that takes, as Parquet with row groups of `group`
 * samples and as an Arrow file. `plain` leaves out what Arrow says beside the data, as Spark itself writes Parquet.
 */
export async function writeSamples(python: string, from: string, to: { readonly parquet: string; readonly arrow: string }, { rows, group, plain = false }: { readonly rows: number; readonly group: number; readonly plain?: boolean }): Promise<void> {
  await run(python, ['-c', WRITE, from, to.parquet, to.arrow, String(rows), String(group), plain ? 'plain' : 'arrow']);
}

const WRITE = `
import sys, pyarrow as pa, pyarrow.parquet as pq
source, parquet, arrow, rows, group, form = sys.argv[1:]
rows = int(rows)
table = pa.ipc.open_file(source).read_all()
while table.num_rows < rows: table = pa.concat_tables([table, table])
table = table.slice(0, rows).combine_chunks()
pq.write_table(table, parquet, row_group_size=int(group), store_schema=form == 'arrow')
with pa.ipc.new_file(arrow, table.schema) as file: file.write_table(table, max_chunksize=256)
`;

/** Run a Python script with arguments. */
export async function runPython(python: string, script: string, args: readonly string[]): Promise<void> {
  await run(python, ['-c', script, ...args]);
}
