import { lockFile } from '../../pipeline/calibrate/lock-file.ts';

/** A process that takes the lock it is told of, says whether it has it, and lets go when told nothing. */
let unlock: (() => Promise<void>) | null = null;
process.on('message', async (path: string) => {
  if (path !== '') unlock = await lockFile(path).catch(() => null);
  else {
    await unlock?.();
    unlock = null;
  }
  process.send!(unlock !== null);
});
