import { uniform } from './random.ts';

/** Values as layers give them, and as they hurt: by name, each `count` long, the same for the same seed. */
export function distributions(count: number, seed: number): Record<string, Float32Array> {
  const next = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const laplace = () => { const x = next() - 0.5; return -Math.sign(x) * Math.log(1 - 2 * Math.abs(x)); };
  const studentT = () => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3);
  const of = (draw: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => draw(i));
  return {
    'normal': of(normal),
    'Laplace': of(laplace),
    'rectified': of(() => Math.max(normal(), 0)),
    'uniform': of(() => 7 * next() - 2),
    'bimodal': of(() => (next() < 0.3 ? 0.2 * normal() - 4 : 0.5 * normal() + 2)),
    'heavy-tailed': of(studentT),
    'constant': of(() => 2.7),
    'outlying': of(i => (i === 7 ? 150 : normal())),
    'tiny': of(() => 1e-30 * normal()),
    'small': of(() => 1e-3 * normal()),
    'huge': of(() => 1e30 * normal()),
    'capped at 6': of(() => Math.min(Math.max(3 * normal() + 1, 0), 6)),
    'positive': of(() => 3 * next() + 0.5),
  };
}
