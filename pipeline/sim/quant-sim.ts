import { QuantpipeError } from '../base/errors.ts';
import type { CalibrateOptions, Observation, Progress } from '../calibrate/calibrate.ts';
import { checkCalibrateOptions } from '../calibrate/check-options.ts';
import { calibrationPlan, modelHash, type Plan } from '../calibrate/plan.ts';
import type { SparkOptions, SparkProgress } from '../cluster/index.ts';
import { type ExportWish, exportWishOf } from '../config/presets/index.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import type { Source } from '../data/index.ts';
import { type Engine, openEngine } from '../engine/index.ts';
import { biasWarnings, checkEncodingsVersion, encodingsWarnings, exportWarnings, type QdqOptions, qdqModel } from '../export/index.ts';
import type { Model } from '../graph/graph.ts';
import { emptyStatistics } from '../observers/merge.ts';
import type { Statistics } from '../observers/statistics.ts';
import { readModelFile } from '../onnx/read-model.ts';
import { prepareModel, type PrepareReport } from '../passes/prepare.ts';
import { checkCalibrating, checkEvaluating } from './check-options.ts';
import { checkComparable } from './comparable.ts';
import { type Encoded, fromFile, fromStatistics } from './encoded.ts';
import type { Evaluation } from './evaluate.ts';
import type { ExportOptions, QuantSimOptions, Samples, SimEvaluateOptions, TraceSourceOptions } from './options.ts';
import { outputDeltas } from './output-deltas.ts';
import { exportPaths, type Output, writeOutputs } from './outputs.ts';
import { type Inputs, refuseOverwriting } from './overwriting.ts';
import type { QuantizerQuality } from './quality.ts';
import type { OpenSamplesOptions } from './samples.ts';
import { chosenSchemes } from './schemes.ts';
import { readSettings, type Settings, settingsFiles } from './settings.ts';
import { simulate } from './simulate.ts';
import { needsNoData, type StartingPoint, startingPoint, withTensorsInFloat } from './starting-point.ts';
import type { Trace } from './trace.ts';
import { nonFiniteWarnings, unobservedWarnings } from './warnings.ts';

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
  readonly #warn = (message: string) => { this.warnings.push(message); };
  readonly #options: QuantSimOptions;
  readonly #settings: Settings;
  /** What configuration and options say, before there are encodings. */
  readonly #start: StartingPoint;
  /** Files that were read, and data by the path they were opened by. */
  readonly #read: { readonly files: string[]; readonly data: string[] };
  #plan: Plan | null = null;
  #observation: Observation | null = null;
  #statistics: Statistics | null = null;
  #encoded: Encoded | null = null;

  private constructor(original: Model, options: QuantSimOptions, settings: Settings) {
    const { model, report } = prepareModel(original, options);
    this.model = model;
    this.preparation = report;
    this.configName = settings.configName;
    this.exportWish = exportWishOf(settings.configName);
    this.#options = options;
    this.#settings = settings;
    this.#read = { files: [...original.files ?? [], ...settingsFiles(options)], data: [] };
    this.#start = startingPoint(model, options, settings, this.exportWish);
    this.warnings.push(...this.#start.warnings);
  }

  /** Read a model, the nodes of its functions in the place of their calls, prepare it, and place its quantizers. */
  static async open(model: string | Model, options: QuantSimOptions = {}): Promise<QuantSim> {
    const settings = await readSettings(options);
    return new QuantSim(typeof model === 'string' ? await readModelFile(model, { inlineFunctions: true }) : model, options, settings);
  }

  get placement(): Placement {
    return (this.#encoded ?? this.#start).placement;
  }

  /** Whether calibrating reads samples; where only weights are quantized, it looks at their values alone. */
  get needsData(): boolean {
    return !needsNoData(this.#start);
  }

  get isEncoded(): boolean {
    return this.#encoded !== null;
  }

  /** By tensor; there are none before `calibrate`, `encode` or `loadEncodings`. */
  get encodings(): EncodingTable {
    if (this.#encoded === null) throw new QuantpipeError('statistics-missing', 'the model has no encodings: calibrate it, or load them');
    return this.#encoded.encodings;
  }

  get statistics(): Statistics {
    if (this.#statistics === null) throw new QuantpipeError('statistics-missing', 'the model has no statistics: calibrate it');
    return this.#statistics;
  }

  /** Engine, worker threads, memory beside this process's own, batches and those set aside of the last observation; null where none was made. */
  get observation(): Pick<Observation, 'engine' | 'workers' | 'peakBytes' | 'batches' | 'setAside'> | null {
    return this.#observation;
  }

  /** How well each encoding keeps its tensor's signal, a row a group; empty before there are statistics and encodings. */
  get quality(): readonly QuantizerQuality[] {
    return this.#encoded?.quality ?? [];
  }

  /** Open data for this model: its inputs tell a folder of columns from a folder of samples. */
  async openSource(data: Samples, options: OpenSamplesOptions = {}): Promise<Source> {
    const { openSamples } = await import('./samples.ts');
    if (typeof data === 'string') this.#read.data.push(data);
    return openSamples(this.model, data, options);
  }

  /** Gather statistics, and find the encodings. */
  async *calibrate(source: Samples, options: CalibrateOptions = {}): AsyncGenerator<Progress, void> {
    yield* this.observe(source, options);
    await this.encode(this.statistics, options);
  }

  /** Gather statistics only. */
  async *observe(source: Samples, options: CalibrateOptions = {}): AsyncGenerator<Progress, void> {
    checkCalibrating(options);
    if (needsNoData(this.#start)) return this.#takeNothing();
    const { observe } = await import('../calibrate/calibrate.ts');
    const plan = await this.#planFor(options);
    const opened = await this.openSource(source, options);
    if (options.checkpoint) await this.checkOutputs([options.checkpoint.path]);
    this.#take(yield* observe(plan, opened, options));
  }

  /** Gather statistics on Apache Spark, from Parquet on any storage that it knows, and find the encodings here. */
  async *calibrateOnSpark(data: string, options: SparkOptions & Pick<CalibrateOptions, 'workers'>): AsyncGenerator<SparkProgress, void> {
    checkCalibrateOptions(options);
    if (needsNoData(this.#start)) this.#takeNothing();
    else this.#take(yield* (await import('../cluster/index.ts')).observeOnSpark(await this.#planFor(options), data, options));
    await this.encode(this.statistics, options);
  }

  /** Find the encodings from statistics of this model, gathered here or elsewhere. Tensors that never held a finite value are left in float, unless `maxBad` is 0. */
  async encode(statistics: Statistics, { signal, workers, maxBad }: Pick<CalibrateOptions, 'signal' | 'workers' | 'maxBad'> = {}): Promise<void> {
    const exactSoftmax = this.exportWish.exactSoftmax && this.#options.aimetPlacement !== true;
    const withFloat = (tensors: readonly string[]) => withTensorsInFloat(this.model, this.#options, this.#settings, this.exportWish, tensors);
    const threads = { ...(signal && { signal }), ...(workers !== undefined && { workers }) };
    this.#encoded = await fromStatistics(this.model, this.#plan?.hash ?? modelHash(this.model), this.#start, statistics, { ...chosenSchemes(this.#options), exactSoftmax, ...threads, ...(maxBad !== 0 && { withFloat }) });
    this.#statistics = statistics;
    this.warnings.push(...this.#encoded.warnings);
  }

  /** Take the encodings of a file instead of calibrating: it decides which of the placed quantizers there are. */
  async loadEncodings(path: string): Promise<void> {
    this.#encoded = await fromFile(this.model, this.#start.placement, path);
    this.#read.files.push(path);
    this.warnings.push(...this.#encoded.warnings);
    this.#statistics = null; // what was observed before decided other encodings
  }

  /** The model with simulated quantizers. Run it with the engine's own int8 fusions off. */
  simulated(): Model {
    return simulate(this.model, this.placement, this.encodings);
  }

  /** The model with integer weights, QuantizeLinear and DequantizeLinear. */
  exported(options: QdqOptions = {}): Model {
    const { weightType, activationType, dedicatedPairs, depthwise, columnsAsChannels } = this.exportWish;
    return qdqModel(this.model, this.placement, this.encodings, { activationType, dedicatedPairs, depthwise, columnsAsChannels, weightType: options.activationType ?? weightType, ...options });
  }

  /** Run the float, the simulated and the exported model over data, and compare. */
  async evaluate(source: Samples, options: SimEvaluateOptions = {}): Promise<Evaluation> {
    checkEvaluating(options);
    const [{ evaluate }, { readSamples }] = await Promise.all([import('./evaluate.ts'), import('./samples.ts')]);
    const { bindings, blocks, total } = readSamples(this.model, await this.openSource(source, options), options, this.#warn);
    const forms = this.isEncoded
      ? { float: this.model, simulated: this.simulated(), exported: options.against ?? this.exported() }
      : { float: this.model, ...(options.against && { exported: options.against }) };
    if (options.against) checkComparable(this.model, options.against);
    if (!this.isEncoded && options.against === undefined) this.warnings.push('only the float model was run: load encodings, or name a model to compare it with');
    const engine = await this.#openEngine(options);
    const evaluation = await evaluate(forms, blocks, bindings, {
      ...options, engine, deltas: outputDeltas(this.model.graph, this.#encoded?.encodings ?? null), onSamples: samples => options.onProgress?.({ samples, total }),
    });
    options.signal?.throwIfAborted();
    this.warnings.push(...evaluation.warnings);
    return evaluation;
  }

  /** Where simulation and exported model part: every quantized activation compared, in the order of the graph, on the first samples. */
  async trace(source: Samples, options: TraceSourceOptions = {}): Promise<Trace> {
    checkEvaluating(options);
    const [{ trace, TRACED_SAMPLES }, { readSamples }] = await Promise.all([import('./trace.ts'), import('./samples.ts')]);
    const { bindings, blocks } = readSamples(this.model, await this.openSource(source, options), { limit: TRACED_SAMPLES, ...options }, this.#warn);
    if (options.against) checkComparable(this.model, options.against);
    const forms = { float: this.model, simulated: this.simulated(), exported: options.against ?? this.exported() };
    const traced = await trace(forms, blocks, bindings, { engine: await this.#openEngine(options), placement: this.placement, encodings: this.encodings });
    options.signal?.throwIfAborted();
    return traced;
  }

  /** Find out before calibrating whether export can say everything: throws `op-unsupported` where the version of encodings.json has no words for a tensor's grid. */
  checkExport({ encodingsVersion = '1.0.0' }: ExportOptions = {}): void {
    checkEncodingsVersion(this.placement, encodingsVersion, this.#start.frozen);
  }

  /** Find out before calibrating whether one of these files would overwrite what was read for this simulation, or `besides` it: throws `output-unwritable`, naming both. */
  async checkOutputs(paths: readonly string[], besides: Partial<Inputs> = {}): Promise<void> {
    await refuseOverwriting(paths, { files: [...this.#read.files, ...besides.files ?? []], data: [...this.#read.data, ...besides.data ?? []] });
  }

  /** Write encodings.json, model.onnx, model.qdq.onnx, encodings.arrow and statistics.arrow into a folder. */
  async export(folder: string, { encodingsVersion = '1.0.0', ...qdqOptions }: ExportOptions = {}): Promise<Output[]> {
    await this.checkOutputs(exportPaths(folder));
    const { scheme, weightScheme } = chosenSchemes(this.#options);
    const [encodings, quantized] = [this.encodings, this.exported(qdqOptions)];
    this.warnings.push(...exportWarnings(this.placement), ...encodingsWarnings(this.placement, encodingsVersion), ...biasWarnings(this.model.graph, this.placement, encodings));
    const { exportFiles } = await import('./export-files.ts');
    return writeOutputs(folder, await exportFiles({
      model: this.model, quantized, placement: this.placement, encodings, statistics: this.#statistics,
      schemes: { activation: scheme, weight: weightScheme, loaded: this.#encoded?.loaded ?? new Set() }, version: encodingsVersion,
    }));
  }

  /** What is observed, of a model that the engine can run. */
  async #planFor({ engine }: Pick<CalibrateOptions, 'engine'>): Promise<Plan> {
    const { checkLoads } = await import('./check-loads.ts');
    await checkLoads(this.model, engine);
    return this.#plan ??= calibrationPlan(this.model, this.#start.placement);
  }

  async #openEngine({ engine = 'auto' }: Pick<CalibrateOptions, 'engine'>): Promise<Engine> {
    const opened = await openEngine(engine);
    if (opened.notice !== undefined) this.warnings.push(opened.notice);
    return opened;
  }

  #takeNothing(): void {
    this.#statistics = emptyStatistics(modelHash(this.model));
    this.warnings.push(...unobservedWarnings(this.#start));
  }

  #take(observation: Observation): void {
    this.#observation = observation;
    this.#statistics = observation.statistics;
    this.warnings.push(...observation.warnings, ...nonFiniteWarnings(observation.statistics));
  }
}
