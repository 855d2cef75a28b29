import { Kernels } from '../../pipeline/kernels/kernels.ts';

/** Both builds of the kernels: the product, and the one whose assertions are on. */
export const builds = await Promise.all(['kernels.wasm', 'kernels.debug.wasm'].map(async file => {
  const url = new URL(`../../../build/${file}`, import.meta.url);
  return { name: file, url, kernels: await Kernels.load(url) };
}));
