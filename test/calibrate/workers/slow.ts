import { setTimeout } from 'node:timers/promises';

import { gettingReady, type TurnClock } from '../../../pipeline/calibrate/turn-clock.ts';
import type { ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/** A worker that takes a second for block 1, and as long to get ready for block 2. */
export default async function work({ index }: ObserveTask, clock: TurnClock): Promise<Reply<unknown>> {
  if (index === 1) await setTimeout(1000);
  if (index === 2) await gettingReady(clock, () => setTimeout(1000));
  return { ok: true, value: { samples: index } };
}
