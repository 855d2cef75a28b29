// The heap of this process's main thread, kept as small as it is however long the data. For the command line, whose process is its own.

import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Old garbage that may come together: V8 waits for 8 MiB and more. */
const GARBAGE = 2 ** 20;
/** Where V8 keeps what survived. */
const OLD = new Set(['old_space', 'large_object_space']);

/**
 * Let V8 give no more room to young objects than they have. It would double it whenever what survived in all adds up to it, until it takes
 * 48 MiB, and as much again in array buffers waits there for the collector. V8 forgets this whenever a thread starts.
 */
export function holdYoung(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Collects old garbage sooner than V8 would. It comes with every block: the pool keeps its tasks in a map, and the tables that a map has outgrown
 * form a chain, each the only owner of the next, so that collections of young objects alone take nothing of it for garbage.
 */
export class Heap {
  readonly #collect: () => void;
  #kept = oldBytes();

  constructor() {
    setFlagsFromString('--expose-gc'); // for contexts that are made from now on
    this.#collect = runInNewContext('gc') as () => void;
  }

  /** To be told after every block. Young objects do not count: they go by themselves, and a collection of all takes forty times as long. */
  hold(): void {
    holdYoung();
    if (oldBytes() <= this.#kept + GARBAGE) return;
    this.#collect();
    this.#kept = oldBytes();
  }
}

function oldBytes(): number {
  return getHeapSpaceStatistics().filter(({ space_name }) => OLD.has(space_name)).reduce((sum, space) => sum + space.space_used_size, 0);
}
