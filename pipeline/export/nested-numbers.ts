import { JsonPlace } from '../config/json-place.ts';

/** Numbers nested in lists of equal lengths, row-major. A plain number has the shape []. */
export interface Nested {
  readonly place: JsonPlace;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** @param numberAt parses one number */
export function nestedAt(place: JsonPlace, numberAt: (place: JsonPlace) => number): Nested {
  if (!Array.isArray(place.value)) return { place, shape: [], values: [numberAt(place)] };
  const items = place.items().map(item => nestedAt(item, numberAt));
  if (items.length === 0) throw place.expected('at least one value');
  const [first] = items as [Nested];
  const odd = items.find(({ shape }) => String(shape) !== String(first.shape));
  if (odd !== undefined) throw odd.place.error(`has shape [${odd.shape.join(', ')}], the first of its list [${first.shape.join(', ')}]`);
  return { place, shape: [items.length, ...first.shape], values: items.flatMap(({ values }) => values) };
}

/** Element by element, `b` stretched to the shape of `a`. */
export function nestedProduct(a: Nested, b: Nested): Nested {
  const stretched = nestedLike(b, a, null);
  return { ...a, values: a.values.map((value, i) => value * stretched.values[i]!) };
}

/** Stretch numbers to a shape: a single one for all, a list along `axis`, or dimensions of 1 in the same rank. */
export function nestedLike(numbers: Nested, { shape }: Pick<Nested, 'shape'>, axis: number | null): Nested {
  const own = numbers.shape.length === 1 && axis !== null && shape.length > 1 ? shape.map((_, at) => at === axis ? numbers.shape[0]! : 1) : numbers.shape;
  if (own.length !== 0 && (own.length !== shape.length || own.some((size, at) => size !== 1 && size !== shape[at]))) {
    throw numbers.place.error(`has shape [${numbers.shape.join(', ')}], which does not fit the scales' [${shape.join(', ')}]`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, i) => numbers.values[own.length === 0 ? 0 : positionIn(own, shape, i)]!);
  return { place: numbers.place, shape, values };
}

/** Where element `i` of `shape` is read in `own`, whose dimensions of 1 are for all. */
function positionIn(own: readonly number[], shape: readonly number[], i: number): number {
  let [at, stride, rest] = [0, 1, i];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (own[axis]! > 1) at += (rest % shape[axis]!) * stride;
    stride *= own[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return at;
}
