import { QuantpipeError } from '../base/errors.ts';

/** Samples that may need more memory than a worker has beside others. */
export class NoRoom extends QuantpipeError {}
