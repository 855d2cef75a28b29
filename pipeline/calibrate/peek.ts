/** Items that can be looked at before their turn: `ahead` gives the first ones, at most `most`, as far as it is iterated; `all` gives every item, in order. */
export function peekable<T>(source: AsyncGenerator<T>, most: number): { readonly ahead: AsyncIterable<T>; readonly all: AsyncGenerator<T> } {
  const seen: T[] = [];
  return { ahead: pulled(source, seen, most), all: withFirst(seen, source) };
}

/** Not by for await, which would close the source where it is left. */
async function* pulled<T>(source: AsyncGenerator<T>, seen: T[], most: number): AsyncGenerator<T> {
  while (seen.length < most) {
    const { done, value } = await source.next();
    if (done) return;
    seen.push(value);
    yield value;
  }
}

async function* withFirst<T>(seen: T[], rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    while (seen.length > 0) yield seen.shift()!;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
