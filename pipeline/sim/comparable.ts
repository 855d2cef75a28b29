import { QuantpipeError } from '../base/errors.ts';
import { sessionInputs } from '../calibrate/plan.ts';
import type { Model } from '../graph/graph.ts';

/**
 * Check that a model can be run on what another one reads, and has an output to compare.
 *
 * @throws `config-invalid` naming what the one has and the other has not
 */
export function checkComparable(float: Model, other: Model): void {
  const namesOf = (values: readonly { readonly name: string }[]) => values.map(({ name }) => `'${name}'`).join(', ');
  const given = sessionInputs(float);
  for (const { name, dtype } of sessionInputs(other)) {
    const same = given.find(input => input.name === name);
    if (same === undefined) throw new QuantpipeError('config-invalid', `the model to compare reads an input '${name}', and the float model reads ${namesOf(given)}: it is of another model`, { input: name });
    if (same.dtype !== dtype) throw new QuantpipeError('config-invalid', `input '${name}' is ${dtype} in the model to compare, and ${same.dtype} in the float model`, { input: name });
  }
  const outputs = new Set(float.graph.outputs.map(({ name }) => name));
  if (other.graph.outputs.some(({ name }) => outputs.has(name))) return;
  throw new QuantpipeError('config-invalid', `the model to compare gives ${namesOf(other.graph.outputs)}, and the float model ${namesOf(float.graph.outputs)}: they have no output in common`);
}
