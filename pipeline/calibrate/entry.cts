// What a thread loads first. Piscina tries require() before import(), and a Node that can require ES modules now and then loses its
// way between the two ("imported again after being required"). A CommonJS module is required once, and imports the rest once.

const { entry } = (require('piscina') as { readonly workerData: { readonly entry: string } }).workerData;
const loaded = import(entry) as Promise<{ readonly default: (task: unknown) => Promise<unknown> }>;
loaded.catch(() => {}); // told to the first task; until then it must not count as unhandled

module.exports = async (task: unknown): Promise<unknown> => (await loaded).default(task);
