import { type Command, Option } from 'commander';

import type { ImageSettings } from '../pipeline/index.ts';
import { CHANNELS, ENCODINGS_VERSIONS, FILTERS, PRESETS, SCHEMES } from './choices.ts';
import { assignment, bitsFormatOrNone, type BitsOrFormat, bitsOrFormat, byteCount, integer, number, numbers, padding, shard, size } from './option-values.ts';

/** What the argument DATA may be. */
export const DATA_ARGUMENT = 'Parquet, Arrow, .npy or .tar file, here or behind an http address; .npz file, here only; a folder or quoted pattern of them; ' +
  'a folder of images; or - for an Arrow stream on standard input';

/** Options of every command that places quantizers. */
export interface PlacementOptions {
  readonly config?: string;
  readonly perChannel?: true;
  readonly perTensor?: true;
  readonly override?: string;
  readonly aimetPlacement?: true;
  readonly weightBits?: BitsOrFormat;
  readonly activationBits?: BitsOrFormat | 'float32';
  readonly reduceRange?: true;
  readonly blockSize?: number;
  readonly blockSkip?: true;
  readonly lpbq?: number;
  readonly quantizeBias?: 'true' | 'false';
  readonly foldBatchNorm: boolean;
}

/** What is done about interruptions and batches that cannot be observed. */
export interface FaultOptions {
  readonly resume?: true;
  readonly checkpointEvery?: number;
  readonly batchTimeout?: number;
  readonly maxBad?: number;
  readonly strict?: true;
}

/** Options of every command that turns statistics into encodings. */
export interface SchemeOptions {
  readonly scheme?: (typeof SCHEMES)[number];
  readonly weightScheme?: (typeof SCHEMES)[number];
  readonly gamma?: number;
  readonly percentile?: number;
  readonly loadEncodings?: string;
  readonly freeze?: true;
}

/** Options of every command that reads samples. */
export interface DataOptions {
  readonly input?: Readonly<Record<string, string>>;
  readonly scale?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly layout?: 'nchw' | 'nhwc';
  readonly preprocess?: string;
  readonly resize?: ImageSettings['resize'];
  readonly crop?: ImageSettings['crop'];
  readonly filter?: (typeof FILTERS)[number];
  readonly channels?: (typeof CHANNELS)[number];
  readonly pad?: Readonly<Record<string, number>>;
  readonly limit?: number;
  readonly sample?: number;
  readonly seed?: number;
  readonly shard?: { readonly index: number; readonly count: number };
}

/** Options of every command that runs a model. */
export interface EngineOptions {
  readonly engine: 'auto' | 'web' | 'native';
  readonly workers?: number;
  readonly batchSize?: number;
}

/** What a run may hold, and where it tells how it goes. */
export interface MemoryOptions {
  readonly memory?: number;
  readonly metrics?: string;
}

export interface ExportOptions {
  readonly encodingsVersion: (typeof ENCODINGS_VERSIONS)[number];
  readonly weightType?: 'uint8' | 'int8';
  readonly activationType?: 'uint8' | 'int8';
  readonly dedicatedPairs?: true;
  readonly depthwise?: 'integer' | 'float';
}

/** How a command reports. */
export interface ReportOptions {
  readonly json?: true;
  readonly quiet?: true;
}

export function placementOptions(command: Command): Command {
  return command
    .option('--config <file|preset>', `six-section JSON file, or one of our presets: ${PRESETS.join(', ')} (default: per-channel)`)
    .addOption(new Option('--per-channel', 'the same as --config per-channel').conflicts(['perTensor', 'config']))
    .addOption(new Option('--per-tensor', 'the same as --config default').conflicts('config'))
    .option('--weight-bits <bits>', 'bit-width of weights, 2 to 32, or float16 or bfloat16 (default: that of the first supported kernel of the configuration; 8)', bitsOrFormat(2))
    .option('--activation-bits <bits>', 'bit-width of activations, 4 to 32, or float16 or bfloat16; float32 quantizes weights only, which needs no data (default: likewise)', bitsFormatOrNone(4))
    .option('--reduce-range', '7 bits for 8-bit weights: products of int8 weights then fit the 16-bit sums of x64 without VNNI')
    .option('--block-size <count>', 'an encoding for every so many input channels of a weight, within each output channel', integer('block size', 1))
    .option('--block-skip', 'leave weights whose input channels the block size does not divide as the configuration says')
    .option('--lpbq <bits>', 'blocks whose deltas are whole multiples of one delta per channel, so that weights decompress to so many bits', integer('bit-width', 2, 32))
    .addOption(new Option('--quantize-bias <boolean>', 'store biases as int32, with the step of their products (default: true, with the preset tensorrt false)').choices(['true', 'false']))
    .option('--override <file>', 'JSON file of settings by tensor, on top of the configuration: {"NAME": {"bitwidth": 16}}')
    .option('--aimet-placement', 'put quantizers where AIMET puts them, also where runtimes have none')
    .option('--no-fold-batch-norm', 'leave BatchNormalization operators as they are');
}

export function schemeOptions(command: Command): Command {
  return command
    .addOption(new Option('--scheme <name>', 'how ranges are chosen (default: tf-enhanced)').choices(SCHEMES))
    .addOption(new Option('--weight-scheme <name>', 'how the ranges of weights are chosen (default: the same as --scheme)').choices(SCHEMES))
    .option('--gamma <factor>', 'tf-enhanced: cost of a clipped value against a rounded one (default: 3)', number('gamma', { least: 1 }))
    .option('--percentile <percent>', 'percentile: share of the values to cover, above 50 to 100 (default: 99.99)', number('percentile', { above: 50, most: 100 }))
    .option('--load-encodings <file>', 'an encodings file, of any version: its tensors get the bit-widths, symmetry and granularity it says; their ranges are found anew, unless --freeze')
    .option('--freeze', 'keep the encodings of --load-encodings as they are; only tensors that the file leaves out are calibrated and searched');
}

export function dataOptions(command: Command): Command {
  return command
    .option('--input <name=column>', 'feed the model input NAME from COLUMN, or from its attention mask: NAME=mask(COLUMN) (repeatable)', assignment('NAME=COLUMN'))
    .option('--scale <factor>', 'raw values are multiplied by this first, e.g. 0.00392157 for bytes', number('scale'))
    .option('--mean <list>', 'then this mean is taken away, one value or one per channel: 0.485,0.456,0.406', numbers)
    .option('--std <list>', 'then it is divided by this, one value or one per channel: 0.229,0.224,0.225', numbers)
    .addOption(new Option('--layout <order>', 'how the columns lie in memory').choices(['nchw', 'nhwc']))
    .option('--preprocess <file>', 'JSON file with these and the next settings, or a preprocessor_config.json of Hugging Face')
    .option('--resize <size>', 'images: so many pixels of the shortest edge, or HEIGHTxWIDTH', size(shortest => ({ shortest })))
    .option('--crop <size>', 'images: then a square at the center, or HEIGHTxWIDTH', size(edge => ({ height: edge, width: edge })))
    .addOption(new Option('--filter <name>', 'images: how they are resized (default: bilinear)').choices(FILTERS))
    .addOption(new Option('--channels <order>', 'images: order of the channels (default: gray where the model reads one channel, else rgb)').choices(CHANNELS))
    .option('--pad <column=value>', 'fill up samples of different lengths with VALUE and run them together (default: one by one; repeatable)', padding)
    .option('--limit <samples>', 'stop after so many samples', integer('limit', 1))
    .option('--sample <samples>', 'take so many, spread over all', integer('sample', 1))
    .option('--seed <number>', 'with --sample: another number takes others (default: 0)', integer('seed', 0));
}

export function shardOption(command: Command): Command {
  return command.option('--shard <i/n>', 'observe only every n-th block of samples, beginning with block i (counted from 0)', shard);
}

/** Options of the commands that go through a whole data set. */
export function faultOptions(command: Command): Command {
  return command
    .option('--resume', 'go on from the checkpoint that an interrupted run left, if there is one')
    .option('--checkpoint-every <seconds>', 'keep the state in a file so often (default: 30)', number('seconds', { least: 0 }))
    .option('--batch-timeout <seconds>', 'a batch that takes longer is tried again in a new thread (default: never)', number('seconds', { above: 0 }))
    .option('--max-bad <batches>', 'set at most so many batches and samples aside that cannot be observed (default: 16)', integer('count', 0))
    .option('--strict', 'set none aside: the first one is an error, and so is a tensor that never held a finite value (else it is left in float)');
}

export function engineOptions(command: Command, { workers = true } = {}): Command {
  command.addOption(new Option('--engine <name>', 'native is onnxruntime-node, where it is installed').choices(['auto', 'web', 'native']).default('auto'));
  if (workers) command.option('--workers <count>', 'worker threads (default: one per processor)', integer('workers', 1, 1024));
  return command.option('--batch-size <samples>', 'samples in one run of the model', integer('batch size', 1));
}

/** Options of the commands that go through a whole data set. */
export function memoryOptions(command: Command): Command {
  return command
    .option('--memory <size>', 'bytes that the process may hold, as in 512MiB or 2GB: batches, workers and tensors at a time are chosen accordingly (default: 70 % of what the machine or the container has)', byteCount)
    .option('--metrics <file>', 'write progress there as JSON lines: samples, samplesPerSecond, secondsLeft, memoryBytes, retries and more');
}

export function exportOptions(command: Command): Command {
  return command
    .addOption(new Option('--encodings-version <version>', 'schema of encodings.json').choices(ENCODINGS_VERSIONS).default('1.0.0'))
    .addOption(new Option('--weight-type <type>', 'how 8-bit weights are stored in model.qdq.onnx; int8 saturates in ONNX Runtime on x64 without VNNI (default: as activations, or what the preset\'s runtime wants)').choices(['uint8', 'int8']))
    .addOption(new Option('--activation-type <type>', 'how 8-bit activations are stored in model.qdq.onnx; ONNX Runtime on x64 fuses fewer operators beside int8 (default: what the preset\'s runtime wants; uint8)').choices(['uint8', 'int8']))
    .option('--dedicated-pairs', 'a QuantizeLinear and DequantizeLinear for every reader of a tensor, as TensorRT wants them (default with that preset)')
    .addOption(new Option('--depthwise <kernels>', 'float keeps the rounded weights of depthwise convolutions, and of others of one input channel, as floats: the same results, and faster in onnxruntime-web (default: integer; float with the preset web)').choices(['integer', 'float']));
}

export function reportOptions(command: Command): Command {
  return command
    .option('--json', 'print the summary as one JSON object')
    .option('--quiet', 'no progress, no summary: errors only');
}
