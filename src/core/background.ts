/** Work that no response waits for. */
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'

type Surroundings = Pick<Engine, 'events' | 'storeTimeout' | 'background'>

/** Does the work; its failure is told as `storeFailed`, and to nobody else. */
export function inBackground(
  surroundings: Surroundings,
  operation: string,
  work: () => Promise<unknown>,
): void {
  const { background } = surroundings
  // Async, so that what the work throws at once is a failure like any other.
  const attempt = async (): Promise<unknown> => work()
  const done: Promise<unknown> = ask(surroundings, operation, attempt())
    .catch(() => undefined)
    .finally(() => background.delete(done))
  background.add(done)
}

/** Resolves when all that was begun is done, however it ended: a store that closes earlier would cut it off. */
export async function backgroundDone({ background }: Pick<Engine, 'background'>): Promise<void> {
  while (background.size > 0) await Promise.all(background)
}
