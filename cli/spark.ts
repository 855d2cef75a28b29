import { type Command, Option } from 'commander';

import type { QuantSim, SparkOptions } from '../pipeline/index.ts';
import { pick, readOptions, type RunFigures } from './calibration.ts';
import { assignment } from './option-values.ts';
import type { DataOptions, EngineOptions, FaultOptions, ReportOptions } from './options.ts';
import { ProgressLine } from './progress.ts';

/** Options of a run past one machine. */
export interface ClusterOptions {
  readonly spark?: string;
  readonly sparkPython?: string;
  readonly sparkNode?: string;
  readonly sparkConf?: Readonly<Record<string, string>>;
}

export function clusterOptions(command: Command): Command {
  return command
    .addOption(new Option('--spark <master>', 'calibrate on Apache Spark: local[4], spark://host:7077, yarn, …; the data are Parquet wherever Spark reads it')
      .conflicts(['limit', 'resume', 'checkpointEvery', 'maxBad', 'memory', 'metrics', 'sample', 'pad', 'preprocess', 'resize', 'filter', 'crop', 'channels']))
    .option('--spark-python <path>', 'Python that has PySpark 4 (default: $PYSPARK_DRIVER_PYTHON, $PYSPARK_PYTHON, python3)')
    .option('--spark-node <path>', 'Node of the executors (default: node)')
    .option('--spark-conf <name=value>', 'a property of Spark (repeatable)', assignment('NAME=VALUE'));
}

/** Calibrate on Spark with a progress line of tasks on standard error. */
export async function calibrateOnSpark(
  sim: QuantSim, data: string, master: string, options: ClusterOptions & DataOptions & EngineOptions & FaultOptions & ReportOptions, signal: AbortSignal,
): Promise<RunFigures> {
  const line = new ProgressLine('calibrating on Spark', { quiet: options.quiet === true, unit: 'tasks' });
  try {
    const settings = { ...sparkOptions(options, master), ...await readOptions(options), ...pick(options, 'engine', 'workers', 'batchSize', 'batchTimeout'), signal };
    for await (const { tasks, of, retries } of sim.calibrateOnSpark(data, settings)) line.update({ samples: tasks, total: of, retries });
  } finally {
    line.clear();
  }
  return { samples: sim.statistics.samples, resumed: 0, batches: sim.observation?.batches ?? 0, seconds: line.seconds };
}

/** The interpreters are chosen as PySpark's own scripts choose them. */
function sparkOptions({ sparkPython, sparkNode, sparkConf }: ClusterOptions, master: string): SparkOptions {
  const { PYSPARK_DRIVER_PYTHON, PYSPARK_PYTHON } = process.env;
  const executorPython = sparkPython ?? (PYSPARK_PYTHON || 'python3');
  return {
    master, executorPython,
    python: sparkPython ?? (PYSPARK_DRIVER_PYTHON || executorPython),
    ...(sparkNode !== undefined && { node: sparkNode }), ...(sparkConf && { conf: sparkConf }),
  };
}
