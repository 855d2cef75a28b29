import { readFile } from 'node:fs/promises';

import type { SchemeName } from '../analyzers/index.ts';
import { QuantpipeError } from '../base/errors.ts';
import { type CalibrateOptions, leftOutWarning, observe, type Observation, type Progress } from '../calibrate/calibrate.ts';
import { encode } from '../calibrate/encode.ts';
import { calibrationPlan, modelHash, type Plan, sessionInputs } from '../calibrate/plan.ts';
import { readableBlocks } from '../calibrate/readable-blocks.ts';
import { untilAborted } from '../calibrate/until-aborted.ts';
import { observeOnSpark, type SparkOptions, type SparkProgress } from '../cluster/index.ts';
import { fitBiases } from '../config/fit-biases.ts';
import { type ExportWish, exportWishOf, isPreset, loadConfig, noPreset } from '../config/presets/index.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import { type Override, parseOverrides } from '../config/override.ts';
import { type PlacementOptions, placeQuantizers } from '../config/place-quantizers.ts';
import { bindInputs, type Binding, type BindOptions, type Block, blocks, blockSize, fixedBatch, type Given, namedColumn, openSource, type OpenOptions, type Source } from '../data/index.ts';
import { type Engine, openEngine } from '../engine/index.ts';
import {
  applyEncodings, checkEncodingsVersion, encodingsArrow, type EncodingsFile, type EncodingsVersion, encodingsJson, encodingsWarnings,
  exportWarnings, type QdqOptions, qdqModel, readEncodings, startFromEncodings,
} from '../export/index.ts';
import type { Model } from '../graph/graph.ts';
import { Kernels } from '../kernels/kernels.ts';
import { emptyStatistics } from '../observers/merge.ts';
import { nonFiniteCounts } from '../observers/signal-power.ts';
import { missingShards } from '../observers/merge.ts';
import { writeStatistics } from '../observers/statistics-file.ts';
import type { Statistics } from '../observers/statistics.ts';
import { readModelFile } from '../onnx/read-model.ts';
import { modelParts, needsParts, writeModel } from '../onnx/write-model.ts';
import { prepareModel, type PrepareReport } from '../passes/prepare.ts';
import { evaluate, type EvaluateOptions, type Evaluation } from './evaluate.ts';
import { type Output, writeOutputs } from './outputs.ts';
import { encodingQuality, type QuantizerQuality } from './quality.ts';
import { simulate } from './simulate.ts';
import { trace, type Trace } from './trace.ts';

export interface QuantSimOptions extends Pick<PlacementOptions, 'weightFormat' | 'activationFormat' | 'blocks' | 'quantizeBias'> {
  /** A preset's name, the path of a six-section JSON file, or such an object. Default 'per-channel'. */
  readonly config?: string | object;
  /** What is said of single tensors, on top of the configuration: the path of a JSON file, or such an object (see config/override.ts). */
  readonly override?: string | object;
  /** Put quantizers where AIMET puts them, also where runtimes have none. Default false. */
  readonly aimetPlacement?: boolean;
  /** How activation ranges are chosen. Default 'tf-enhanced'. */
  readonly scheme?: SchemeName;
  /** How weight ranges are chosen. Default: as `scheme`. */
  readonly weightScheme?: SchemeName;
  /** tf-enhanced: cost of a clipped value against a rounded one. Default 3. */
  readonly gamma?: number;
  /** percentile: share of the values to cover, above 50 to 100. Default 99.99. */
  readonly percentile?: number;
  /** 2 to 32. Default: that of the first kernel that the configuration lists, else 8. */
  readonly weightBitwidth?: number;
  /** 4 to 32. Default likewise. */
  readonly activationBitwidth?: number;
  /** 7 bits instead of 8 for weights, so that the products of int8 weights fit the 16-bit sums of x64 without VNNI. Default false. */
  readonly reduceRange?: boolean;
  /** Fold BatchNormalization into the layers before it. Default true. */
  readonly foldBatchNorm?: boolean;
  /** Path of an encodings file: its tensors get the bit-widths, symmetry, granularity and formats that it says. Calibrating finds their ranges anew, unless `freeze`. */
  readonly loadEncodings?: string;
  /** Keep the encodings of the file of `loadEncodings` as they are: only the rest is calibrated and searched. Default false. */
  readonly freeze?: boolean;
}

/** What calibrate and evaluate read: a path or address, an open source, or what a program hands over as it comes. */
export type Samples = string | Source | AsyncIterable<Given> | Iterable<Given>;

export interface SimEvaluateOptions extends Pick<EvaluateOptions, 'label' | 'metric' | 'ignoreClasses'>, Omit<CalibrateOptions, 'workers' | 'shard' | 'label'> {
  /** Another model to compare instead of the one that export would write. */
  readonly against?: Model;
}

/** What {@link QuantSim.trace} reads; `limit` is 4 samples by default. */
export interface TraceSourceOptions extends Omit<CalibrateOptions, 'workers' | 'shard' | 'label'>, Pick<SimEvaluateOptions, 'against'> {}

export interface ExportOptions extends QdqOptions {
  readonly encodingsVersion?: EncodingsVersion;
}

/** What was read beside the configuration. */
interface ReadFiles {
  readonly overrides: readonly Override[];
  readonly encodings: EncodingsFile | null;
}

const FULL_RANGE_BITS = 8;
const REDUCED_BITS = 7;

const DEFAULT_GAMMA = 3;
const DEFAULT_PERCENTILE = 99.99;

/**
 * Quantization simulation of one model, in the order of the work: open → calibrate → evaluate → export. Every step is also a plain
 * function of pipeline/index.
 */
export class QuantSim {
  /** The float model that the encodings speak of: prepared for placement, names as in the user's model. */
  readonly model: Model;
  /** What preparing did to the user's model. */
  readonly preparation: PrepareReport;
  readonly configName: string;
  /** What the runtime of the preset wants of the exported model, where no option says otherwise. */
  readonly exportWish: ExportWish;
  /** What a user should know and no error says; it grows as the work goes on. */
  readonly warnings: string[] = [];
  readonly #options: QuantSimOptions;
  /** What the configuration places; encodings from a file may leave some of it out. */
  readonly #placed: Placement;
  /** Encodings that calibrating keeps. */
  readonly #frozen: EncodingTable;
  #placement: Placement;
  #plan: Plan | null = null;
  #observation: Observation | null = null;
  #statistics: Statistics | null = null;
  #encodings: EncodingTable | null = null;
  #quality: readonly QuantizerQuality[] = [];

  private constructor(original: Model, config: ReturnType<typeof loadConfig>, configName: string, options: QuantSimOptions, { overrides, encodings: file }: ReadFiles) {
    const { model, report } = prepareModel(original, options);
    this.model = model;
    this.preparation = report;
    this.configName = configName;
    this.exportWish = exportWishOf(configName);
    this.#options = options;
    const { reduceRange = false, quantizeBias = this.exportWish.quantizeBias, weightBitwidth, freeze = false } = options;
    const reduced = reduceRange && (weightBitwidth ?? FULL_RANGE_BITS) === FULL_RANGE_BITS ? { weightBitwidth: REDUCED_BITS } : {};
    const placed = placeQuantizers(model, config, { ...options, quantizeBias, ...reduced, overrides });
    const start = file === null ? { placement: placed, frozen: new Map(), warnings: [] } : startFromEncodings(model, placed, file, { freeze });
    this.#placed = start.placement;
    this.#frozen = start.frozen;
    this.#placement = this.#placed;
    this.warnings.push(...placed.warnings, ...start.warnings);
  }

  /** Read a model, prepare it, and place its quantizers. */
  static async open(model: string | Model, options: QuantSimOptions = {}): Promise<QuantSim> {
    const { config = 'per-channel' } = options;
    const name = typeof config === 'string' ? config : 'given';
    const parsed = typeof config === 'string' && !isPreset(config) ? loadConfig(await readConfig(config), config) : loadConfig(config, name);
    const { loadEncodings: path, freeze = false } = options;
    if (freeze && path === undefined) throw new QuantpipeError('config-invalid', 'there is nothing to freeze: name the encodings to load');
    const files = { overrides: await loadOverrides(options.override), encodings: path === undefined ? null : readEncodings(await readText(path), path) };
    return new QuantSim(typeof model === 'string' ? await readModelFile(model) : model, parsed, name, options, files);
  }

  get placement(): Placement {
    return this.#placement;
  }

  get isEncoded(): boolean {
    return this.#encodings !== null;
  }

  /** By tensor; there are none before `calibrate`, `encode` or `loadEncodings`. */
  get encodings(): EncodingTable {
    if (this.#encodings === null) throw new QuantpipeError('statistics-missing', 'the model has no encodings: calibrate it, or load them');
    return this.#encodings;
  }

  get statistics(): Statistics {
    if (this.#statistics === null) throw new QuantpipeError('statistics-missing', 'the model has no statistics: calibrate it');
    return this.#statistics;
  }

  /** Engine, worker threads and batches set aside of the last observation; null where none was made. */
  get observation(): Pick<Observation, 'engine' | 'workers' | 'setAside'> | null {
    return this.#observation;
  }

  /** How well each encoding keeps its tensor's signal, a row a group; empty before there are statistics and encodings. */
  get quality(): readonly QuantizerQuality[] {
    return this.#quality;
  }

  /** Open data for this model: its inputs tell a folder of columns from a folder of samples. */
  openSource(data: Exclude<Samples, Source>, { inputs: bound = {}, images, sample, stdin }: Pick<BindOptions, 'inputs' | 'images'> & Pick<OpenOptions, 'sample' | 'stdin'> = {}): Promise<Source> {
    const inputs = sessionInputs(this.model);
    const columns = inputs.map(({ name }) => namedColumn(bound[name] ?? name));
    return openSource(data, { columns, inputs, ...(images && { images }), ...(sample && { sample }), ...(stdin && { stdin }) });
  }

  async #opened(source: Samples, options: Parameters<QuantSim['openSource']>[1]): Promise<Source> {
    return typeof source !== 'string' && 'batches' in source ? source : this.openSource(source, options);
  }

  /** Gather statistics, and find the encodings. */
  async *calibrate(source: Samples, options: CalibrateOptions = {}): AsyncGenerator<Progress, void> {
    yield* this.observe(source, options);
    await this.encode(this.statistics, options);
  }

  /** Gather statistics only. */
  async *observe(source: Samples, options: CalibrateOptions = {}): AsyncGenerator<Progress, void> {
    if (this.#needsNoData) return this.#takeNothing();
    this.#plan ??= calibrationPlan(this.model, this.#placed);
    const opened = await this.#opened(source, options);
    this.#take(yield* observe(this.#plan, opened, options));
  }

  /** Gather statistics on Apache Spark, from Parquet on any storage that it knows, and find the encodings here. */
  async *calibrateOnSpark(data: string, options: SparkOptions & Pick<CalibrateOptions, 'workers'>): AsyncGenerator<SparkProgress, void> {
    if (this.#needsNoData) {
      this.#takeNothing();
    } else {
      this.#plan ??= calibrationPlan(this.model, this.#placed);
      this.#take(yield* observeOnSpark(this.#plan, data, options));
    }
    await this.encode(this.statistics, options);
  }

  /** Find the encodings from statistics of this model, gathered here or elsewhere. */
  async encode(statistics: Statistics, { signal, workers }: Pick<CalibrateOptions, 'signal' | 'workers'> = {}): Promise<void> {
    const hash = this.#plan?.hash ?? modelHash(this.model);
    if (statistics.model !== hash) {
      throw new QuantpipeError('statistics-invalid', 'the statistics are of another model', { statistics: statistics.model, model: hash });
    }
    const missing = missingShards(statistics);
    if (missing !== null) this.warnings.push(`the statistics are of part of the data: ${missing}`);
    const { scheme = 'tf-enhanced', weightScheme = scheme, gamma = DEFAULT_GAMMA, percentile = DEFAULT_PERCENTILE, aimetPlacement = false } = this.#options;
    const exactSoftmax = this.exportWish.exactSoftmax && !aimetPlacement;
    const threads = { ...(signal && { signal }), ...(workers !== undefined && { workers }) };
    const encodings = await encode(this.model, this.#placed, statistics, { scheme, weightScheme, search: { gamma, percentile }, exactSoftmax, frozen: this.#frozen, ...threads });
    this.#placement = this.#placed;
    this.#statistics = statistics;
    this.#encodings = encodings;
    this.#warnOfNarrowBiases(encodings);
    const searched = this.#placement.quantizers.filter(({ tensor }) => !this.#frozen.has(tensor));
    this.#quality = encodingQuality(this.model.graph, { ...this.#placement, quantizers: searched }, encodings, statistics, await Kernels.load());
  }

  /** Take the encodings of a file instead of calibrating: it decides which of the placed quantizers there are. */
  async loadEncodings(path: string): Promise<void> {
    const file = readEncodings(await readText(path), path);
    const { placement, encodings, warnings } = applyEncodings(this.model, this.#placed, file);
    this.#placement = placement;
    this.#encodings = encodings;
    this.warnings.push(...warnings);
    this.#statistics = null; // what was observed before decided other encodings
    this.#quality = [];
  }

  /** The model with simulated quantizers. Run it with the engine's own int8 fusions off. */
  simulated(): Model {
    return simulate(this.model, this.#placement, this.encodings);
  }

  /** The model with integer weights, QuantizeLinear and DequantizeLinear. */
  exported(options: QdqOptions = {}): Model {
    const { weightType, activationType, dedicatedPairs } = this.exportWish;
    const wanted = { activationType, dedicatedPairs, weightType: options.activationType ?? weightType, ...options };
    return qdqModel(this.model, this.#placement, this.encodings, wanted);
  }

  /** Run the float, the simulated and the exported model over data, and compare. */
  async evaluate(source: Samples, options: SimEvaluateOptions = {}): Promise<Evaluation> {
    const opened = await this.#opened(source, options);
    const { label, ...rest } = options;
    const bindings = bindInputs(opened, sessionInputs(this.model), typeof label === 'string' ? { ...rest, label } : rest);
    const forms = this.isEncoded
      ? { float: this.model, simulated: this.simulated(), exported: options.against ?? this.exported() }
      : { float: this.model, ...(options.against && { exported: options.against }) };
    if (!this.isEncoded && options.against === undefined) this.warnings.push('only the float model was run: load encodings, or name a model to compare it with');
    const engine = await this.#openEngine(options);
    const evaluation = await evaluate(forms, this.#read(opened, bindings, options), bindings, { ...options, engine, deltas: this.#deltas });
    options.signal?.throwIfAborted();
    this.warnings.push(...evaluation.warnings);
    return evaluation;
  }

  /** Where simulation and exported model part: every quantized activation compared, in the order of the graph, on the first samples. */
  async trace(source: Samples, options: TraceSourceOptions = {}): Promise<Trace> {
    const opened = await this.#opened(source, options);
    const bindings = bindInputs(opened, sessionInputs(this.model), options);
    const forms = { float: this.model, simulated: this.simulated(), exported: options.against ?? this.exported() };
    const read = this.#read(opened, bindings, { limit: TRACED_SAMPLES, ...options });
    const traced = await trace(forms, read, bindings, { engine: await this.#openEngine(options), placement: this.#placement, encodings: this.encodings });
    options.signal?.throwIfAborted();
    return traced;
  }

  /** Find out before calibrating whether export can say everything: throws `op-unsupported` where the version of encodings.json has no words for a tensor's grid. */
  checkExport({ encodingsVersion = '1.0.0' }: ExportOptions = {}): void {
    checkEncodingsVersion(this.#placement, encodingsVersion, this.#frozen);
  }

  /** Write encodings.json, model.onnx, model.qdq.onnx, encodings.arrow and statistics.arrow into a folder. */
  async export(folder: string, { encodingsVersion = '1.0.0', ...qdqOptions }: ExportOptions = {}): Promise<Output[]> {
    const { scheme = 'tf-enhanced', weightScheme = scheme } = this.#options;
    const [encodings, quantized] = [this.encodings, this.exported(qdqOptions)];
    this.warnings.push(...exportWarnings(this.#placement), ...encodingsWarnings(this.#placement, encodingsVersion));
    const isLarge = needsParts(this.model);
    return writeOutputs(folder, {
      'encodings.json': encodingsJson(this.model, this.#placement, encodings, { version: encodingsVersion, scheme }),
      ...modelFiles('model.onnx', this.model, isLarge),
      ...modelFiles('model.qdq.onnx', quantized, isLarge),
      'encodings.arrow': encodingsArrow(this.model, this.#placement, encodings, { activation: scheme, weight: weightScheme }, this.#statistics),
      'statistics.arrow': this.#statistics && writeStatistics(this.#statistics),
    });
  }

  /** One step of every tensor with one encoding; none before there are encodings. */
  get #deltas(): ReadonlyMap<string, number> {
    return new Map([...this.#encodings ?? []].flatMap(([tensor, [first, ...more]]) => first !== undefined && more.length === 0 ? [[tensor, first.delta] as const] : []));
  }

  async #openEngine({ engine = 'auto' }: Pick<CalibrateOptions, 'engine'>): Promise<Engine> {
    const opened = await openEngine(engine);
    if (opened.notice !== undefined) this.warnings.push(opened.notice);
    return opened;
  }

  /** Blocks of samples to run in this thread. */
  #read(source: Source, bindings: readonly Binding[], { batchSize, limit, signal, maxBad }: Pick<CalibrateOptions, 'batchSize' | 'limit' | 'signal' | 'maxBad'>): AsyncIterable<Block> {
    const together = fixedBatch(sessionInputs(this.model), source, bindings);
    const read = blocks(source, {
      size: blockSize(batchSize, EVALUATION_BATCH, together), together, ...(limit !== undefined && { limit }),
      onLeftOut: count => this.warnings.push(leftOutWarning(count, together)),
    });
    return readableBlocks(untilAborted(read, signal), message => this.warnings.push(message), maxBad);
  }

  /** Whether activations stay in formats that need no observation, or have frozen encodings: then only the values of the weights are looked at. */
  get #needsNoData(): boolean {
    const { quantizers, floats } = this.#placed;
    return floats.length + this.#frozen.size > 0 && quantizers.every(({ observed }) => observed.length === 0);
  }

  /** Frozen steps are not widened where a bias needs more than int32 has of them. */
  #warnOfNarrowBiases(encodings: EncodingTable): void {
    const roomy = fitBiases(this.model, this.#placed, encodings);
    for (const { tensor, weight } of this.#placed.biases) {
      if (roomy.get(weight) !== encodings.get(weight)) this.warnings.push(`bias '${tensor}' is clipped: the frozen steps of '${weight}' are too small for it`);
    }
  }

  #takeNothing(): void {
    this.#statistics = emptyStatistics(modelHash(this.model));
    if (this.#frozen.size > 0) this.warnings.push('nothing was observed: the encodings of all activations are frozen');
  }

  #take(observation: Observation): void {
    this.#observation = observation;
    this.#statistics = observation.statistics;
    this.warnings.push(...observation.warnings);
    this.#warnOfNonFinite(observation.statistics);
  }

  #warnOfNonFinite({ tensors }: Statistics): void {
    for (const [tensor, statistics] of tensors) {
      const { nan, infinite } = nonFiniteCounts(statistics);
      if (nan + infinite === 0n) continue;
      const all = statistics.counts.reduce((sum, count) => sum + count, 0n);
      this.warnings.push(`'${tensor}': ${nan} NaN and ${infinite} infinite values of ${all} were left out of its range`);
    }
  }
}

/** The files of a model: one, or one with the weights beside it where the model is large. */
function modelFiles(name: string, model: Model, isLarge: boolean): Record<string, Uint8Array | Iterable<Uint8Array> | null> {
  if (!isLarge) return { [`${name}.data`]: null, [name]: writeModel(model) };
  const { model: bytes, weights } = modelParts(model, `${name}.data`);
  return { [`${name}.data`]: weights(), [name]: bytes };
}

/** Samples that a trace looks at: all tensors of a batch are in memory at once, twice. */
const TRACED_SAMPLES = 4;

/** Samples in one run while evaluating. */
const EVALUATION_BATCH = 32;

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(cause => {
    throw new QuantpipeError('file-unreadable', `cannot read '${path}': ${(cause as Error).message}`, {}, { cause });
  });
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new QuantpipeError('config-invalid', `'${path}' is not JSON: ${(cause as Error).message}`, {}, { cause });
  }
}

async function loadOverrides(override: string | object | undefined): Promise<readonly Override[]> {
  if (override === undefined) return [];
  return typeof override === 'string' ? parseOverrides(await readJson(override), override) : parseOverrides(override, 'the override');
}

/** A file in AIMET's form. A name without folder and extension that no file has was meant for a preset. */
async function readConfig(path: string): Promise<unknown> {
  return readJson(path).catch(cause => {
    throw cause instanceof QuantpipeError && cause.code === 'file-unreadable' && /^[\w-]+$/.test(path) ? noPreset(path, { cause }) : cause;
  });
}
