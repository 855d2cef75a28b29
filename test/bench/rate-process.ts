// A process of calibrate.bench.ts: what it measures is its argument, as JSON, and what it prints are samples a second.
import { setV8Flags } from '../../cli/v8-flags.ts';
import { BlockFeeds } from '../../pipeline/data/index.ts';
import { bindInputs, blocks, type CalibrateOptions, calibrationPlan, type EngineName, observe, openEngine, openSource, type Plan, QuantSim, writeModel } from '../../pipeline/index.ts';

/** What is calibrated. The first samples are for warming up: onnxruntime-web compiles its WASM in tiers, and V8 our JavaScript, in every thread. */
export interface MeasuredJob {
  readonly name: string;
  readonly model: string;
  readonly data: string;
  readonly warm: number;
}

/** A calibration, or the forward passes of an engine and nothing more. */
export type Measured = { readonly job: MeasuredJob } & ({ readonly calibrate: CalibrateOptions } | { readonly forward: EngineName });

async function planOf({ model }: MeasuredJob): Promise<Plan> {
  const sim = await QuantSim.open(model);
  return calibrationPlan(sim.model, sim.placement);
}

async function calibrationRate(job: MeasuredJob, options: CalibrateOptions): Promise<number> {
  const plan = await planOf(job);
  const clock = new Clock(job.warm);
  for await (const { samples } of observe(plan, await openSource(job.data), options)) clock.at(samples);
  return clock.rate;
}

/** Samples a second of the float model on the same data, read and prepared in this thread, and nothing more. */
async function forwardRate(job: MeasuredJob, name: EngineName): Promise<number> {
  const { model, inputs, batchSize } = await planOf(job);
  const session = await (await openEngine(name)).load(writeModel(model));
  const source = await openSource(job.data);
  const bindings = bindInputs(source, inputs);
  const clock = new Clock(job.warm);
  let samples = 0;
  for await (const { bytes } of blocks(source, { size: batchSize })) {
    for (const feed of new BlockFeeds(bytes, inputs, bindings)) {
      await session.run(feed.feeds);
      clock.at(samples += feed.rows);
    }
  }
  await session.close();
  return clock.rate;
}

/** Samples a second after warming up. */
class Clock {
  readonly #warm: number;
  #from: { samples: number; time: number } | null = null;
  #to = { samples: 0, time: 0 };

  constructor(warm: number) {
    this.#warm = warm;
  }

  at(samples: number): void {
    this.#to = { samples, time: performance.now() };
    if (this.#from === null && samples >= this.#warm) this.#from = this.#to;
  }

  get rate(): number {
    return 1000 * (this.#to.samples - this.#from!.samples) / (this.#to.time - this.#from!.time);
  }
}

setV8Flags();
const measured = JSON.parse(process.argv[2]!) as Measured;
console.log('calibrate' in measured ? await calibrationRate(measured.job, measured.calibrate) : await forwardRate(measured.job, measured.forward));
