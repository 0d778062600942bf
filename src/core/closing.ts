/** The end: what is under way is finished, as far as it can be, before the store goes. */
import { setTimeout as pause } from 'node:timers/promises'
import { backgroundDone } from './background.ts'
import type { Engine } from './engine.ts'
import { within } from './store-health.ts'

/** So long is waited for what is under way, milliseconds. */
const DRAIN = 5000
/** How often somebody looks whether it is done, milliseconds. */
const LOOK = 10

/** Never rejects for what fails on the way: it is told where it was asked for. */
export async function closeEngine(engine: Engine, openRequests: () => number): Promise<void> {
  // First: whoever waits for a connection to listen on would wait on.
  await engine.revocations.close()
  const until = performance.now() + DRAIN
  const isBusy = (): boolean => openRequests() > 0 || engine.calls.waiting > 0
  while (isBusy() && performance.now() < until) await pause(LOOK)
  await within(Math.max(LOOK, until - performance.now()), backgroundDone(engine)).catch(
    () => undefined,
  )
  engine.calls.close()
  await engine.store.close()
}
