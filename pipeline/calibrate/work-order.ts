import { QuantpipeError } from '../base/errors.ts';
import { readModel } from '../onnx/read-model.ts';
import type { CalibrateOptions } from './calibrate.ts';
import { type Plan, sessionInputs, shared } from './plan.ts';

/** Of the fields below. A reader refuses any other: both sides must be the same quantpipe. */
const VERSION = 1;

/** Options that decide what is observed, and that are plain data. */
export type OrderOptions = Pick<CalibrateOptions, 'inputs' | 'label' | 'preprocess' | 'engine' | 'batchSize' | 'batchTimeout'>;

/**
 * What another machine must be told to observe its part of the samples, besides the tapped model: a plan without its model, and how
 * the samples are read. No option of placement is in it, for the taps are what became of them.
 */
export interface WorkOrder {
  readonly version: number;
  readonly hash: string;
  readonly taps: readonly string[];
  readonly batchSize: number;
  readonly options: OrderOptions;
}

/** The order as JSON. */
export function writeWorkOrder({ hash, taps, batchSize, weights }: Plan, options: OrderOptions): string {
  if (weights !== null) throw new QuantpipeError('op-unsupported', 'the model is larger than the 2 GiB of one ONNX file, and such models are not sent to other machines');
  return JSON.stringify({ version: VERSION, hash, taps, batchSize, options } satisfies WorkOrder);
}

/**
 * The plan of an order, on the machine that carries it out.
 *
 * @param tapped the tapped model's bytes
 * @param text what {@link writeWorkOrder} wrote
 */
export function readWorkOrder(tapped: Uint8Array, text: string): { readonly plan: Plan; readonly options: OrderOptions } {
  const { hash, taps, batchSize, options } = parse(text);
  const model = readModel(tapped);
  const absent = taps.find(tap => !model.graph.outputs.some(({ name }) => name === tap));
  if (absent !== undefined) throw invalid(`it asks for tensor '${absent}', which is no output of the model beside it`);
  return { plan: { model, tapped: shared(tapped), weights: null, taps, hash, inputs: sessionInputs(model), batchSize }, options };
}

function parse(text: string): WorkOrder {
  const order = parseJson(text) as Partial<WorkOrder> | null;
  if (order?.version !== VERSION) throw invalid(`it must be of version ${VERSION}, says ${JSON.stringify(order?.version) ?? 'nothing'}`);
  const { hash, taps, batchSize, options } = order;
  const isWhole = typeof hash === 'string' && Array.isArray(taps) && Number.isSafeInteger(batchSize) && batchSize! > 0 && typeof options === 'object' && options !== null;
  if (!isWhole) throw invalid('it must have hash, taps, batchSize and options');
  return order as WorkOrder;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`it is not JSON: ${(cause as Error).message}`);
  }
}

function invalid(fact: string): QuantpipeError {
  return new QuantpipeError('config-invalid', `the work order does not hold: ${fact}`);
}
