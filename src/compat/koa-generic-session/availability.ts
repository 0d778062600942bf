/** Is the store connected, as far as it tells? */
import type { EventEmitter } from 'node:events'

/**
 * Gives a function that waits while the store is away, for `patience` milliseconds from its
 * `disconnect` at most, and throws from then on until its `connect`.
 */
export function availabilityOf(store: EventEmitter, patience: number): () => Promise<void> {
  let state: 'available' | 'pending' | 'unavailable' = 'available'
  let decided = Promise.resolve()

  store.on('connect', () => {
    state = 'available'
  })
  store.on('disconnect', () => {
    if (state !== 'available') return
    state = 'pending'
    // Never rejects: with no request waiting, nobody would hear it, and Node ends the process for that.
    decided = new Promise((resolve) => {
      const timer = setTimeout(() => {
        state = 'unavailable'
        resolve()
      }, patience)
      // An application that has closed its client may end.
      timer.unref()
      store.once('connect', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  })

  return async function ready() {
    if (state === 'unavailable') throw new Error('session store is unavailable')
    if (state === 'available') return
    await decided
    await ready()
  }
}
