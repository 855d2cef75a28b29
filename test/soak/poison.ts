import type { Tensor } from '../../pipeline/base/tensor.ts';
import { calibrationPlan, observe, type Observation, openSource, QuantSim, writeStatistics } from '../../pipeline/index.ts';
import { floats } from '../support/random.ts';

const BATCHES = 200, SIZE = 16, PIXELS = 28 * 28;
/** Batches that cannot be observed: of another shape than the model reads, and one that takes its thread down every time. */
export const MISSHAPEN = 70, DEADLY = 100;
/** A batch with a NaN in every sample, which is observed, and told of. */
const NOT_A_NUMBER = 130;

/** A stream with poison in it: exactly the poison is set aside, and the statistics are those of the stream without it. */
export async function poison(model: string): Promise<string> {
  const sim = await QuantSim.open(model);
  const plan = calibrationPlan(sim.model, sim.placement);
  const observed = async (indices: readonly number[], worker?: URL): Promise<Observation> => {
    const source = await openSource(indices.map(index => ({ input: batch(index) })));
    const running = observe(plan, source, { batchSize: SIZE, ...(worker && { worker }) });
    for (;;) {
      const { done, value } = await running.next();
      if (done) return value;
    }
  };
  const all = [...Array(BATCHES).keys()];
  const { statistics, setAside } = await observed(all, new URL('./poisoned-worker.js', import.meta.url));
  const named = setAside.map(({ index, code }) => `${index} (${code})`).join(', ');
  if (named !== `${MISSHAPEN} (data-invalid), ${DEADLY} (worker-lost)`) throw new Error(`set aside were the batches ${named}`);
  const good = all.filter(index => index !== MISSHAPEN && index !== DEADLY);
  const expected = await observed(good);
  if (Buffer.compare(writeStatistics(statistics), writeStatistics(expected.statistics)) !== 0) throw new Error('the statistics are not those of the other batches');
  if (statistics.samples !== SIZE * good.length) throw new Error(`${statistics.samples} samples were counted of ${SIZE * good.length}`);
  const { bins, counts } = statistics.tensors.get('input')!;
  const nan = bins.reduce((sum, bin, i) => (bin & 0x7fff) > 0x7f80 ? sum + Number(counts[i]) : sum, 0);
  if (nan !== SIZE) throw new Error(`${nan} NaN were counted of ${SIZE}`);
  return `set aside ${named}; ${statistics.samples} samples of ${SIZE * BATCHES} counted, ${nan} NaN in them, the statistics are those of the stream without the two`;
}

/** Always the same for one number; the deadly one is known by its place. */
function batch(index: number): Tensor {
  const width = index === MISSHAPEN ? 27 : 28;
  const data = floats(SIZE * 28 * width, { seed: index + 1 });
  if (index === NOT_A_NUMBER) for (let sample = 0; sample < SIZE; sample++) data[sample * PIXELS + sample] = NaN;
  return { dtype: 'float32', dims: [SIZE, 1, 28, width], data };
}
