/** Tells those who write to a node:http response, and were told to wait, that they may go on. */
import type { ServerResponse } from 'node:http'

type Listener = (...args: unknown[]) => void
type On = (event: string | symbol, listener: Listener) => ServerResponse

/**
 * Returns what wakes them; undefined where the event alone does. A middleware in front (compression) may
 * have taken over `on`, to wait for a stream of its own: that one was never full, so it would never call.
 */
export function drainSignal(response: ServerResponse): (() => void) | undefined {
  if (!Object.hasOwn(response, 'on')) return undefined
  const target = response as { on: On }
  const { on } = target
  const waiting = new Set<Listener>()
  target.on = (event, listener) => {
    if (event === 'drain') waiting.add(listener)
    return on.call(response, event, listener)
  }
  return () => {
    const own = new Set(response.rawListeners('drain'))
    response.emit('drain')
    for (const listener of waiting) if (!own.has(listener)) listener.call(response)
  }
}
