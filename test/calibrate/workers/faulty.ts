import type { EncodeTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/** A worker that does what the name of the tensor says. */
export default async function work({ tensor }: EncodeTask): Promise<Reply<unknown>> {
  if (tensor === 'exit') process.exit(3);
  if (tensor === 'crash') await new Promise(() => setTimeout(() => { throw new Error('out of a timer'); }, 1));
  return { ok: true, value: { tensor, encodings: [] } };
}
