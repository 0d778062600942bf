/** Visitors with a session each, before anything goes wrong. */
import { setTimeout as pause } from 'node:timers/promises'

/**
 * @typedef {object} Guest
 * @property {string} session its name in the history
 * @property {string} cookie
 */

/**
 * Many at a time, for each a session whose value is 0.
 * @param {import('./load.js').Load} load
 * @param {number} count
 * @returns {Promise<Guest[]>}
 */
export async function admit(load, count) {
  return inParallel(Array.from({ length: count }), async () => {
    const cookie = await knock(load)
    return { session: cookie, cookie }
  })
}

/** A client may have found only some of its servers yet. @param {import('./load.js').Load} load */
async function knock(load) {
  for (let tries = 0; tries < 100; tries++) {
    const record = await load.send({ path: '/write?n=0', kind: 'write', value: 0 })
    if (record.status === 200 && record.setCookie !== undefined)
      return (record.session = record.setCookie)
    await pause(100)
  }
  throw new Error('no visitor is let in, although nothing is broken yet')
}

/**
 * @template Item, Result
 * @param {readonly Item[]} items
 * @param {(item: Item, at: number) => Promise<Result>} work
 * @param {number} [width]
 * @returns {Promise<Result[]>}
 */
export async function inParallel(items, work, width = 20) {
  /** @type {Result[]} */
  const results = []
  const queue = items.entries()
  const workers = Array.from({ length: width }, async () => {
    for (const [at, item] of queue) results[at] = await work(item, at)
  })
  await Promise.all(workers)
  return results
}
