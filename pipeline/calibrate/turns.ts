/** Work that goes on side by side, and now and then some that needs to be alone. */
export class Turns {
  readonly #running = new Set<Promise<unknown>>();
  /** When those that are alone, or wait to be, are done. */
  #alone: Promise<unknown> = Promise.resolve();

  /** Begins when none is alone. */
  async together<T>(work: () => Promise<T>): Promise<T> {
    await this.#alone;
    const result = work();
    this.#running.add(result);
    try {
      return await result;
    } finally {
      this.#running.delete(result);
    }
  }

  /** Begins when all that runs has ended; until it has, no other does. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone;
    const result = (async () => {
      await before;
      await Promise.allSettled(this.#running);
      return work();
    })();
    this.#alone = result.catch(() => {});
    return result;
  }
}
