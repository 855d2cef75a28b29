/** An object or a list that is open at a place in the text. */
interface Open {
  /** Keys so far; null in a list. */
  readonly keys: Set<string> | null;
  /** Where the next value stands in it. */
  at: string | number;
  isKeyNext: boolean;
}

/**
 * The path of the first key that one object has twice, as in `op_type.Conv.params[0].name`; null where there is none. JSON.parse keeps the
 * last of them and tells nobody.
 *
 * @param text what JSON.parse took
 */
export function duplicateKey(text: string): string | null {
  const open: Open[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    const inner = open.at(-1);
    if (token === '{') open.push({ keys: new Set(), at: '', isKeyNext: true });
    else if (token === '[') open.push({ keys: null, at: 0, isKeyNext: false });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',') next(inner!);
    else if (inner?.isKeyNext && isTaken(inner, JSON.parse(token) as string)) return path(open);
  }
  return null;
}

function next(inner: Open): void {
  if (typeof inner.at === 'number') inner.at++;
  else inner.isKeyNext = true;
}

function isTaken(inner: Open, key: string): boolean {
  const taken = inner.keys!.has(key);
  inner.keys!.add(key);
  inner.at = key;
  inner.isKeyNext = false;
  return taken;
}

function path(open: readonly Open[]): string {
  return open.map(({ at }) => typeof at === 'number' ? `[${at}]` : `.${at}`).join('').replace(/^\./, '');
}
