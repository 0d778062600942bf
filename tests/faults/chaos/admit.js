/** Visitors with a session each, before anything goes wrong. */

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
    const record = await load.send({ path: '/write?n=0', kind: 'write', value: 0 })
    const { status, setCookie } = record
    if (status !== 200 || setCookie === undefined)
      throw new Error(`a visitor was not let in: status ${status}`)
    record.session = setCookie
    return { session: setCookie, cookie: setCookie }
  })
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
