import { QuantSim } from '../../pipeline/index.ts';
import type { EngineName } from '../../pipeline/engine/index.ts';
import { exportedModels } from '../support/exported.ts';

/** How far the exported model, as an engine fuses it, is from the simulation: of the output that is farthest, over the inputs that lie beside the model. */
export async function fusedDistances(part: string, engine: EngineName) {
  const rows = [];
  for (const { name, path, inputs } of exportedModels.filter(({ name }) => name.includes(part))) {
    const sim = await QuantSim.open(path);
    for await (const _ of sim.calibrate(inputs, { engine, workers: 1 }));
    const { pairs } = await sim.evaluate(inputs, { engine });
    const outputs = Object.values(pairs.find(({ of, to }) => of === 'exported' && to === 'simulated')!.outputs);
    const farthest = outputs.toSorted((a, b) => a.sqnr - b.sqnr)[0];
    if (farthest !== undefined) rows.push({ model: name, engine, 'distance dB': farthest.exact ? Infinity : Number(farthest.sqnr.toFixed(1)), 'same prediction %': farthest.agreement === null ? '' : Number((100 * farthest.agreement).toFixed(2)) });
  }
  return rows;
}
