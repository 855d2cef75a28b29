import type { Binding, BindOptions, Source } from '../data/index.ts';
import type { Value } from '../graph/node.ts';
import type { Plan } from './plan.ts';

/** Operators by which models bring pixels to their range themselves. */
const SCALING = new Set(['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'GroupNormalization', 'MeanVarianceNormalization']);
/** Operators that only arrange what they read. */
const ARRANGING = new Set(['Cast', 'Concat', 'Gather', 'Identity', 'Pad', 'Reshape', 'Resize', 'Slice', 'Split', 'Squeeze', 'Transpose', 'Unsqueeze']);

/**
 * What the user should know where images come to a float input as bytes, from 0 to 255, because nothing says otherwise: few models are trained on
 * these, and all encodings would be of another range. Of a model that begins with arithmetic on its input, nothing is said.
 */
export function rawImageWarnings({ model, inputs }: Pick<Plan, 'model' | 'inputs'>, { columns }: Pick<Source, 'columns'>, bindings: readonly Binding[]): string[] {
  return bindings.flatMap(({ input, column, preprocess }) => {
    const isImage = columns.find(({ name }) => name === column)?.isImage === true;
    const isFloat = inputs.find(({ name }) => name === input)!.dtype.startsWith('float');
    if (!isImage || !isFloat || preprocess !== null || isScaled(model.graph.values.get(input)!)) return [];
    return `the images reach input '${input}' as bytes, from 0 to 255: if the model was trained on scaled pixels, say so with --scale, --mean and --std or --preprocess (--scale 1 if it was not)`;
  });
}

/** Options for images where no column that is read is one. */
export function unusedImageOptions({ columns }: Pick<Source, 'columns'>, bindings: readonly Binding[], images: BindOptions['images'] = {}): string[] {
  const named = Object.entries(images).filter(([, value]) => value !== undefined && value !== null).map(([name]) => name);
  if (named.length === 0 || bindings.some(({ column }) => columns.find(({ name }) => name === column)?.isImage === true)) return [];
  return [`${named.join(', ')} ${named.length === 1 ? 'is' : 'are'} for images, and none of the columns that are read (${bindings.map(({ column }) => `'${column}'`).join(', ')}) holds any: they are read as they are`];
}

function isScaled({ uses }: Value): boolean {
  return uses.some(({ node: { opType, outputs } }) => SCALING.has(opType) || (ARRANGING.has(opType) && outputs.some(output => output !== null && isScaled(output))));
}
