/** A bug in quantpipe: something that must hold did not. Errors that the user can act on are QuantpipeErrors. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** State what must hold here if quantpipe itself has no bug. Never for user input. */
export function check(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new InvariantError(`internal: ${claim}`);
}
