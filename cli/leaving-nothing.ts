/** Do `work`; where it fails, take away again what was made ready for it. */
export async function leavingNothing<T>(remove: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await remove();
    throw error;
  }
}
