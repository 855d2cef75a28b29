// What a thread loads first. Piscina tries require() before import(), and a Node that can require ES modules now and then loses its
// way between the two ("imported again after being required"). A CommonJS module is required once, and imports the rest once.

const { entry } = (require('piscina') as { readonly workerData: { readonly entry: string } }).workerData;
const loaded = import(entry) as Promise<{ readonly default: (task: unknown, clock: BigInt64Array) => Promise<unknown> }>;
loaded.catch(() => {}); // told to the first task; until then it must not count as unhandled

let turn: Promise<unknown> = Promise.resolve();

/** One task at a time, in the order in which they come. The next one waits here already, so that a thread never waits for the main one. */
module.exports = ({ task, clock }: { readonly task: unknown; readonly clock: BigInt64Array }): Promise<unknown> => {
  const reply = turn.then(async () => {
    Atomics.store(clock, 0, process.hrtime.bigint()); // see turn-clock.ts
    return (await loaded).default(task, clock);
  });
  turn = reply.catch(() => {}); // told to this task; the next has its turn
  return reply;
};
