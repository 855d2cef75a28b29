import { byteSize } from '../base/byte-size.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Learnt, RunLimits } from './protocol.ts';
import { groupTaps } from './tap-groups.ts';

/** What one run of the model takes, measured on a first sample (or as many as the model reads at a time). All for one sample of that size. */
export interface RunCost {
  /** Elements of all inputs: what a run costs grows with them. */
  readonly elements: number;
  /** Float32 bytes of each tap, in the order of the taps. */
  readonly tapBytes: readonly number[];
  /** What computing takes beside inputs and taps. */
  readonly runningBytes: number;
  /** What a worker holds before it runs anything: thread, engine, kernels, weights. */
  readonly workerBytes: number;
}

export interface MemoryQuestion {
  /** Bytes that the process may hold in all. */
  readonly budget: number;
  /** Bytes that it holds without workers. */
  readonly mainBytes: number;
  readonly cost: RunCost;
  /** Most workers. */
  readonly workers: number;
  /** Samples in a block, and how many of them the model reads at a time at least. */
  readonly block: number;
  readonly together: number;
  /** Bytes of a block as it is sent. */
  readonly blockBytes: number;
  /** Bytes of the model: a further session takes about twice as many. */
  readonly modelBytes: number;
}

/** How the work fits into the memory, said before it begins. */
export interface MemoryPlan {
  readonly budgetBytes: number;
  /** The most that the process is expected to hold. */
  readonly estimateBytes: number;
  readonly workers: number;
  /** Samples in one run of the model: fewer than in a block where those would take too much. */
  readonly samplesPerRun: number;
  /** Groups that the observed tensors are cut into; the model runs once for each. */
  readonly groups: number;
}

export interface FittedPlan extends MemoryPlan {
  readonly limits: RunLimits;
}

/** A tap is held twice, by the engine and as JavaScript's copy of it; measured with both engines, 2.2 times. */
export const COPIES = 2.25;
/** What the main thread comes to hold beside what it holds at the start: batches that are read, statistics, garbage not yet collected. */
const MAIN_GROWTH = 48 * 2 ** 20;
/** The same of a worker: its heap, the scratch of the kernels. */
const WORKER_GROWTH = 40 * 2 ** 20;
/** And of a process that observes one block: its heap, the scratch of the kernels. */
export const ALONE_GROWTH = 16 * 2 ** 20;
/** Blocks under way for each worker: one that runs, one that waits in its thread, and one that is being read or added up. */
export const BLOCKS_PER_WORKER = 3;
/** An engine that keeps memory between runs rounds up, at most to twice as much. */
export const KEPT = 2;
/** What is planned, of the budget: allocators hold on to some of what is given back to them. */
export const PLANNED = 0.9;
/** What measuring twice may tell apart: what a message names as enough must be enough the next time. */
export const NOISE = 32 * 2 ** 20;
/** Samples that have grown may grow on, and what threads have taken stays in part: memory for so many times what the largest run needs is plenty. */
const ROOMY = 4;
/** Memory that a session takes for each byte of its model: the bytes that it is loaded from, and its own copy. */
const SESSION_COPIES = 2;

/**
 * Choose workers, samples in a run and groups of taps so that the process stays below the budget, and the work is done soonest. Fewer samples
 * in a run cost nothing, a worker less or more groups do. Cutting taps into groups never changes what is observed.
 *
 * @throws `config-invalid` saying the least budget that would do
 */
export function planMemory(question: MemoryQuestion): FittedPlan {
  const plans = Array.from({ length: question.workers }, (_, i) => fit(question, question.workers - i)).filter(plan => plan !== null);
  const [best] = plans.sort((a, b) => speed(b) - speed(a) || a.workers - b.workers);
  if (best !== undefined) return best;
  throw new QuantpipeError('config-invalid', `${byteSize(question.budget)} of memory are too little: one worker with one tensor at a time needs ${byteSize(leastBudget(question) + NOISE)}`);
}

/** The least budget for which there is a plan. */
export function leastBudget(question: MemoryQuestion): number {
  const { cost, together, mainBytes } = question;
  const run = together * (cost.runningBytes + COPIES * Math.max(...cost.tapBytes));
  return Math.ceil((mainBytes + MAIN_GROWTH + worker(question) + run) / PLANNED / 2 ** 20) * 2 ** 20;
}

/** What a process may hold that observes a block while this one, which now holds so much, has no threads. */
export function roomAlone(question: MemoryQuestion, mainBytesNow: number): number {
  return PLANNED * question.budget - Math.max(mainBytesNow, question.mainBytes + MAIN_GROWTH);
}

/**
 * The limits of `workers` after one of them was alone, in a process that had `room`: what it has learnt counts where its sample was the largest so far. Where several
 * times as much as it needs would not fit beside others, memory is scarce: then all share such a process, whose memory goes back to the system.
 */
export function afterAlone(question: MemoryQuestion, workers: number, limits: RunLimits, room: number, learnt: Learnt): { readonly limits: RunLimits; readonly isScarce: boolean } {
  const { known, running } = learnt.known.sample > limits.known.sample ? learnt : limits;
  const taps = 4 * known.taps.reduce((sum, count) => sum + count, 0);
  const isScarce = ROOMY * (known.elements * running + KEPT * COPIES * taps) > limits.bytes;
  const bytes = isScarce ? (room - learnt.loadedBytes + question.cost.workerBytes) / workers - worker(question) : limits.bytes;
  return { isScarce, limits: { ...limits, bytes, known, running, elements: Math.min(limits.elements, bytes / (running + COPIES * taps / known.elements)) } };
}

/** Observing takes about as long as running the model; each further group is another run. */
function speed({ workers, groups }: MemoryPlan): number {
  return (2 * workers) / (groups + 1);
}

/** What a worker holds when it runs nothing. */
function worker({ cost, blockBytes }: MemoryQuestion): number {
  return cost.workerBytes + WORKER_GROWTH + BLOCKS_PER_WORKER * blockBytes;
}

function fit(question: MemoryQuestion, workers: number): FittedPlan | null {
  const { budget, mainBytes, cost, block, together } = question;
  const room = (PLANNED * budget - mainBytes - MAIN_GROWTH) / workers - worker(question);
  const taps = cost.tapBytes.reduce((sum, bytes) => sum + bytes, 0);
  const perSample = cost.runningBytes + COPIES * taps;
  const samples = Math.min(block, Math.floor(room / perSample / together) * together);
  const plan = (samplesPerRun: number, groups: number, used: number, limits: Pick<RunLimits, 'sessions' | 'elements'>): FittedPlan => ({
    budgetBytes: budget, estimateBytes: mainBytes + MAIN_GROWTH + workers * (worker(question) + used), workers, samplesPerRun, groups,
    limits: { ...limits, bytes: room, running: cost.runningBytes / cost.elements, known: { elements: cost.elements, sample: cost.elements, taps: cost.tapBytes.map(bytes => bytes / 4) } },
  });
  if (samples >= together) return plan(samples, 1, samples * perSample, { sessions: 1, elements: (room / perSample) * cost.elements });
  return fitGroups(question, room, plan);
}

function fitGroups({ cost, together, modelBytes }: MemoryQuestion, room: number, plan: (samples: number, groups: number, used: number, limits: { sessions: number; elements: number }) => FittedPlan): FittedPlan | null {
  const running = together * cost.runningBytes;
  const taps = cost.tapBytes.map(bytes => bytes * together);
  const grouped = (left: number) => {
    const most = (left - running) / COPIES;
    return Math.max(...taps) > most ? null : groupTaps(taps, most).length;
  };
  const groups = grouped(room);
  if (groups === null) return null;
  const sessions = (groups - 1) * SESSION_COPIES * modelBytes;
  const kept = grouped(room - sessions);
  const elements = together * cost.elements;
  if (kept === groups) return plan(together, groups, room, { sessions: groups, elements });
  return plan(together, groups, room, { sessions: 1, elements }); // loaded anew for every block
}
