/** The first item, null where there is none, and all items with it. */
export async function peek<T>(source: AsyncGenerator<T>): Promise<{ readonly first: T | null; readonly all: AsyncGenerator<T> }> {
  const { done, value } = await source.next();
  return { first: done ? null : value, all: done ? source : withFirst(value, source) };
}

async function* withFirst<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
