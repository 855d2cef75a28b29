/**
 * Reference for assembly/encode-tf-enhanced.ts: the same candidates in AIMET's order, the first of the cheapest; then the same
 * walk. The price is a function, so that it serves histograms and lists of values.
 */
export interface Found {
  readonly delta: number;
  readonly offset: number;
  readonly price: number;
}

export interface OracleGrid {
  readonly steps: number;
  /** The fixed offset of codes that mirror around zero, or begin at it; null for an asymmetric grid. */
  readonly offset: number | null;
}

type Price = (delta: number, offset: number) => number;

const roundAway = (x: number) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5) + 0;

/** @param values how many there are, where they are a list */
export function tfEnhancedOracle(min: number, max: number, grid: OracleGrid, price: Price, values = Infinity): Found {
  return grid.offset === null ? asymmetric(Math.min(min, 0), Math.max(max, 0), grid.steps, price) : fixedOffset({ reach: Math.max(max, -min), parts: values <= 256 ? 4 : 1 }, grid.steps, grid.offset, price);
}

function asymmetric(observedMin: number, observedMax: number, steps: number, price: Price): Found {
  const full = Math.max((observedMax - observedMin) / steps, smallest(steps)), zero = roundAway(observedMin / full);
  const min = full * zero, max = full * (steps + zero);
  const candidates: [number, number][] = [];
  for (let d = 1; d <= 17; d++) {
    for (let i = 0; i <= 20; i++) {
      const low = full * d / 16 * Math.trunc(steps / 20 * i - steps), high = full * d / 16 * (steps + Math.trunc(steps / 20 * i - steps));
      if (low < min && high > max) continue;
      const delta = (Math.min(high, max) - Math.max(low, min)) / steps;
      if (delta > 0) candidates.push([delta, roundAway(Math.max(low, min) / delta)]);
    }
  }
  const neighbours = ({ delta, offset }: Found, step: number) => [[step, 0], [0, -step], [-step, 0], [0, step]].flatMap(([low, high]): [number, number][] => {
    const a = Math.max(delta * offset + low!, min), b = Math.min(delta * (steps + offset) + high!, max);
    return a <= 0 && b >= 0 && a < b ? [[(b - a) / steps, roundAway(a / ((b - a) / steps))]] : [];
  });
  return walk(cheapest([...candidates, [full, zero]], steps, price), (observedMax - observedMin) / 32, neighbours, steps, price);
}

function fixedOffset({ reach, parts }: { reach: number; parts: number }, steps: number, offset: number, price: Price): Found {
  const full = Math.max(reach / (offset === 0 ? steps : steps / 2), smallest(steps));
  const candidates = Array.from({ length: 101 * parts }, (_, i): [number, number] => [full * (i + 1) / (100 * parts), offset]);
  const covering: [number, number] = [Math.max(reach / (steps + offset), smallest(steps)), offset];
  const neighbours = ({ delta }: Found, step: number): [number, number][] => [[delta - step, offset], [delta + step, offset]];
  const coarse = cheapest([...candidates, covering], steps, price), tooth = full / 1600;
  const comb = Array.from({ length: 32 }, (_, i): [number, number] => [coarse.delta + tooth * ((i >> 1) + 1) * (i % 2 === 0 ? -1 : 1), offset]);
  return walk(cheapest([[coarse.delta, offset], ...comb], steps, price), tooth / 2, neighbours, steps, price);
}

function cheapest(candidates: readonly [number, number][], steps: number, price: Price): Found {
  return candidates.filter(([delta]) => delta >= smallest(steps)).map(([delta, offset]) => ({ delta, offset, price: price(delta, offset) }))
    .reduce((best, next) => (next.price < best.price ? next : best));
}

/** Seven step widths, each half the last; at each at most eight moves, to the first neighbour that is cheaper. */
function walk(from: Found, widest: number, neighbours: (at: Found, step: number) => [number, number][], steps: number, price: Price): Found {
  let best = from;
  for (let halving = 0; halving < 7; halving++) {
    for (let move = 0; move < 8; move++) {
      const next = neighbours(best, widest / 2 ** halving).filter(([delta]) => delta >= smallest(steps))
        .map(([delta, offset]) => ({ delta, offset, price: price(delta, offset) })).find(({ price }) => price < best.price);
      if (!next) break;
      best = next;
    }
  }
  return best;
}

function smallest(steps: number): number {
  return 255 * 2 ** -23 / steps;
}
