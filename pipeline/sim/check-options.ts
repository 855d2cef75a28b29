import { schemes } from '../analyzers/index.ts';
import { type AllowedValue, checkValues, isWhole } from '../base/allowed-value.ts';
import { QuantpipeError } from '../base/errors.ts';
import { didYouMean } from '../config/near-name.ts';
import type { CalibrateOptions } from '../calibrate/calibrate.ts';
import { checkCalibrateOptions } from '../calibrate/check-options.ts';
import type { QuantSimOptions, SimEvaluateOptions } from './options.ts';
import type { OpenSamplesOptions } from './samples.ts';

const oneOf = (names: readonly string[]): AllowedValue => [value => names.includes(value as string), `one of ${names.join(', ')}`];
const bits = (least: number): AllowedValue => [value => isWhole(value, least, 32), `a whole number from ${least} to 32`];
const isText = (value: unknown) => typeof value === 'string', isObject = (value: unknown) => typeof value === 'object' && value !== null;

const YES_OR_NO: AllowedValue = [value => typeof value === 'boolean', 'true or false'];
const SCHEME = oneOf(Object.keys(schemes)), FORMAT = oneOf(['float16', 'bfloat16']);

/** Every option, and what it may be. */
const allowed: Readonly<Record<keyof QuantSimOptions, AllowedValue>> = {
  config: [value => isText(value) || isObject(value), "a preset's name, the path of a file, or an object"],
  override: [value => isText(value) || isObject(value), 'the path of a file, or an object'],
  aimetPlacement: YES_OR_NO,
  scheme: SCHEME,
  weightScheme: SCHEME,
  gamma: [value => typeof value === 'number' && value >= 1 && value < Infinity, 'a number of at least 1: a clipped value costs no less than a rounded one'],
  percentile: [value => typeof value === 'number' && value > 50 && value <= 100, 'a number above 50, at most 100'],
  weightBitwidth: bits(2),
  activationBitwidth: bits(4),
  weightFormat: FORMAT,
  activationFormat: oneOf(['float16', 'bfloat16', 'float32']),
  blocks: [isObject, 'an object { blockSize, decompressedBitwidth, undivided }'],
  quantizeBias: YES_OR_NO,
  reduceRange: YES_OR_NO,
  foldBatchNorm: YES_OR_NO,
  loadEncodings: [isText, 'the path of a file'],
  freeze: YES_OR_NO,
};

/** Parts of the option `blocks`. */
const allowedOfBlocks: Readonly<Record<keyof NonNullable<QuantSimOptions['blocks']>, AllowedValue>> = {
  blockSize: [value => isWhole(value, 1), 'a whole number of at least 1'],
  decompressedBitwidth: [value => value === null || isWhole(value, 2, 32), 'null, or a whole number from 2 to 32'],
  undivided: oneOf(['refuse', 'skip']),
};

/** @throws `config-invalid` for an option that there is not, with the nearest one, and for a value that cannot be meant, with what is allowed */
export function checkSimOptions(options: QuantSimOptions): void {
  refuseUnknown(options, allowed);
  checkValues(options, allowed);
  if (options.blocks !== undefined) checkValues(options.blocks, allowedOfBlocks);
}

type CalibrateNames = Record<keyof CalibrateOptions | keyof OpenSamplesOptions, true>;
/** Options of calibrating. */
const ofCalibrating: CalibrateNames = {
  engine: true, workers: true, batchSize: true, memory: true, beside: true, onPlan: true, limit: true, shard: true, signal: true, checkpoint: true, batchTimeout: true, maxBad: true, worker: true,
  inputs: true, pad: true, label: true, preprocess: true, images: true, sample: true, stdin: true,
};
/** Those of evaluating and tracing, which read the same data and make no use of some of them. */
const ofEvaluating: CalibrateNames & Record<keyof SimEvaluateOptions, true> = { ...ofCalibrating, against: true, onProgress: true, metric: true, ignoreClasses: true };

/** @throws `config-invalid` for an option of calibrating or observing that there is not, with the nearest one, and for a value that cannot be meant */
export function checkCalibrating(options: CalibrateOptions): void {
  refuseUnknown(options, ofCalibrating);
  checkCalibrateOptions(options);
}

/** The same of evaluating and tracing. */
export function checkEvaluating(options: SimEvaluateOptions): void {
  refuseUnknown(options, ofEvaluating);
  checkCalibrateOptions(options);
}

function refuseUnknown(options: object, known: object): void {
  const names = Object.keys(known), unknown = Object.keys(options).find(option => !names.includes(option));
  if (unknown !== undefined) throw new QuantpipeError('config-invalid', `there is no option '${unknown}'${didYouMean(unknown, names) || `; options are ${names.join(', ')}`}`);
}
