/** Work that no response waits for. */
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'

type Surroundings = Pick<Engine, 'calls' | 'storeTimeout' | 'background'>

/** Does the work; its failure is told as `storeFailed`, and to nobody else. */
export function inBackground(
  surroundings: Surroundings,
  operation: string,
  work: () => Promise<unknown>,
): void {
  const { calls, storeTimeout, background } = surroundings
  // By itself: the request that began it does not wait for it.
  const done: Promise<unknown> = ask({ calls, storeTimeout }, operation, work)
    .catch(() => undefined)
    .finally(() => background.delete(done))
  background.add(done)
}

/** Resolves when all that was begun is done, however it ended: a store that closes earlier would cut it off. */
export async function backgroundDone({ background }: Pick<Engine, 'background'>): Promise<void> {
  while (background.size > 0) await Promise.all(background)
}
