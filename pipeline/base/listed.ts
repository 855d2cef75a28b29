/** The first few of a list for a sentence, and how many more there are: "a, b, c and 4 more". */
export function listed(items: readonly string[], most = 3): string {
  return items.slice(0, most).join(', ') + (items.length > most ? ` and ${items.length - most} more` : '');
}

/** The same of names that stand in quotes. */
export function listedNames(names: readonly string[], most?: number): string {
  return listed(names.map(name => `'${name}'`), most);
}
