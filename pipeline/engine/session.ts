// What the two builds of ONNX Runtime have in common: one JavaScript interface, and their ways to fail.

import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';

import { byteSize } from '../base/byte-size.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { EngineName, Feeds, Session, SessionInput, SessionOptions } from './engine.ts';
import { fromOrt, toOrt } from './tensors.ts';

/** The part of the library that is used; web and native export the same. */
export type Library = Pick<typeof import('onnxruntime-common'), 'InferenceSession' | 'Tensor' | 'env'>;

/** 4 = fatal only: ONNX Runtime prints to stderr by itself, and whatever matters of that is thrown too. */
const LOG_SEVERITY = 4;

/** Load `model` with one of the two builds. */
export async function loadSession(library: Library, engine: EngineName, model: Uint8Array, options: SessionOptions): Promise<Session> {
  library.env.logLevel = 'fatal';
  try {
    const session = await create(library, engine, unshared(model), options);
    return new OrtSession(library, engine, session);
  } catch (error) {
    throw engineFailed(engine, 'cannot load the model', error);
  }
}

async function create(library: Library, engine: EngineName, model: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const { folder } = options;
  if (folder === undefined) return library.InferenceSession.create(model, libraryOptions(engine, options));
  if (engine === 'web') return library.InferenceSession.create(model, { ...libraryOptions(engine, options), externalData: await weightFiles(folder) });
  return fromFile(folder, model, path => library.InferenceSession.create(path, libraryOptions(engine, options)));
}

/** The native build looks for weights beside the file that it loads, and maps them into memory. */
async function fromFile<T>(folder: string, model: Uint8Array, load: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, `${randomUUID()}.onnx`);
  try {
    await writeFile(path, model);
    return await load(path);
  } finally {
    await rm(path, { force: true });
  }
}

/** The web build holds weights in its own 4 GiB, and for loading once more in JavaScript. */
const MAX_WEB_BYTES = 2 ** 31 - 1;

async function weightFiles(folder: string): Promise<{ path: string; data: Uint8Array }[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.data'));
  return Promise.all(names.map(async path => {
    const { size } = await stat(join(folder, path));
    if (size > MAX_WEB_BYTES) throw new QuantpipeError('engine-failed', `the model has ${byteSize(size)} of weights, and engine 'web' holds at most ${byteSize(MAX_WEB_BYTES)}: npm install onnxruntime-node, and use engine 'native'`, { engine: 'web' });
    return { path, data: await readFile(join(folder, path)) };
  }));
}

/** The native build takes no bytes in shared memory; workers read the model from there. The copy is gone once it is loaded. */
function unshared(model: Uint8Array): Uint8Array {
  return model.buffer instanceof SharedArrayBuffer ? new Uint8Array(model) : model;
}

/**
 * No integer kernels in the place of QuantizeLinear and DequantizeLinear. Of two equal pairs in a row ONNX Runtime 1.30 then leaves one out, be its result
 * a graph output or not, and reads what is not there (the native build takes the process down): so without what cleans up after kernels that are not made.
 */
const asItStands = () => ({ session: { disable_quant_qdq: '1' }, optimization: { disable_specified_optimizers: 'QDQFinalCleanupTransformer' } }); // anew each time: the web build writes into it

function libraryOptions(engine: EngineName, { fuseQuantized = true, keepMemory = true, optimize = 'all' }: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [engine === 'web' ? 'wasm' : 'cpu'],
    graphOptimizationLevel: optimize,
    intraOpNumThreads: 1, // parallelism is ours: a session per worker
    interOpNumThreads: 1,
    logSeverityLevel: LOG_SEVERITY,
    ...(keepMemory ? {} : { enableCpuMemArena: false, enableMemPattern: false }),
    ...(fuseQuantized ? {} : { extra: asItStands() }),
  };
}

class OrtSession implements Session {
  readonly inputs: readonly SessionInput[];
  readonly outputs: readonly string[];
  readonly #library: Library;
  readonly #engine: EngineName;
  readonly #session: InferenceSession;

  constructor(library: Library, engine: EngineName, session: InferenceSession) {
    this.#library = library;
    this.#engine = engine;
    this.#session = session;
    this.inputs = session.inputMetadata.map(sessionInput);
    this.outputs = session.outputNames;
  }

  async run(feeds: Feeds, outputs: readonly string[] = this.outputs) {
    const found = await this.#run(feeds, outputs);
    return Object.fromEntries(outputs.map(name => [name, fromOrt(this.#outputOf(found, name))]));
  }

  /** JavaScript's objects keep nothing under a few names, such as __proto__. */
  #outputOf(found: Record<string, OrtTensor>, name: string): OrtTensor {
    if (Object.hasOwn(found, name)) return found[name]!;
    throw new QuantpipeError('engine-failed', `engine '${this.#engine}' cannot hand out a tensor called '${name}': rename it in the model`, { engine: this.#engine, tensor: name });
  }

  async #run(feeds: Feeds, outputs: readonly string[]): Promise<Record<string, OrtTensor>> {
    try {
      const given = Object.entries(feeds).map(([name, tensor]) => [name, toOrt(this.#library.Tensor, name, tensor)] as const);
      return await this.#session.run(Object.fromEntries(given), [...outputs], { logSeverityLevel: LOG_SEVERITY });
    } catch (error) {
      throw engineFailed(this.#engine, 'cannot run the model', error);
    }
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

/** onnxruntime-web's word for a free dimension without a symbol: -1, read as unsigned. */
const UNNAMED_IN_WEB = 2 ** 32 - 1;

function sessionInput(metadata: InferenceSession.ValueMetadata): SessionInput {
  if (!metadata.isTensor) throw new QuantpipeError('op-unsupported', `model input '${metadata.name}' is no tensor`, { input: metadata.name });
  const shape = metadata.shape.map(dim => (dim === '' || dim === UNNAMED_IN_WEB ? null : dim));
  return { name: metadata.name, dtype: metadata.type, shape };
}

/**
 * An error of the engine in our words. Where the engine says which operator it does not know, `context` has `operator` and
 * `domain`, so that whoever holds the graph can name its nodes; where it names the node, `context` has `node`.
 */
function engineFailed(engine: EngineName, what: string, error: unknown): QuantpipeError {
  if (error instanceof QuantpipeError) return error;
  const said = withoutSourcePaths(error instanceof Error ? error.message : String(error));
  return new QuantpipeError('engine-failed', `engine '${engine}' ${what}: ${said}`, { engine, ...culprit(said) }, { cause: error });
}

/** ONNX Runtime's messages carry error numbers, paths and signatures of the machine that built it, and line breaks. */
function withoutSourcePaths(message: string): string {
  return message
    .replace(/^.*?ERROR_CODE: \d+, ERROR_MESSAGE: /s, '')
    .replace(/\S*\/onnxruntime\/\S+:\d+ (?:\S.*?\) )?/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

function culprit(said: string): Record<string, string> {
  const known = /No Op registered for (\S+) with domain_version/.exec(said);
  const custom = /([\w.]+):(\w+)\(-?\d+\) is not a registered function\/op/.exec(said);
  const node = /In Node, \("([^"]+)"/.exec(said) ?? / node\. Name:'([^']+)'/.exec(said);
  return {
    ...(known && { operator: known[1]!, domain: '' }),
    ...(custom && { operator: custom[2]!, domain: custom[1]! }),
    ...(node && { node: node[1]! }),
  };
}
