/** A Redis that refuses writes: what of it reaches the client, and whether a logout is possible. */
import { ask } from '../../../../tools/redis/ask.mjs'
import { startRedis } from '../../../../tools/redis/start.mjs'
import { admit, inParallel } from '../admit.js'
import { startContestant } from '../contestant.js'
import { staysAlive } from '../common.js'
import { atMost, compare, each } from '../figure.js'
import { createLoad } from '../load.js'

const GUESTS = 20

/**
 * @param {string} library
 * @param {string[]} refuse the command that makes Redis refuse writes
 * @param {string[]} allow
 */
async function refused(library, [refuse = '', ...how], [allow = '', ...back]) {
  const redis = await startRedis({ single: true })
  const { port } = redis.single
  const app = await startContestant({ library, address: { kind: 'single', port } })
  try {
    const load = createLoad(app.port)
    const guests = await admit(load, GUESTS)
    await ask(port, refuse, ...how)
    const writes = await inParallel(guests, ({ cookie }) =>
      load.send({ path: '/write?n=1', cookie }),
    )
    const reads = await inParallel(guests, ({ cookie }) => load.send({ path: '/read', cookie }))
    const logouts = await inParallel(guests, ({ cookie }) => load.send({ path: '/logout', cookie }))
    await ask(port, allow, ...back)
    const after = await inParallel(guests, ({ cookie }) => load.send({ path: '/read', cookie }))
    await load.stop(0)
    return {
      lies: writes.filter(({ status }) => status === 200).length,
      unread: reads.filter(({ status, body }) => status !== 200 || body?.n === undefined).length,
      logouts: logouts.filter(({ status }) => status === 200).length,
      // Told that they have left, and still inside.
      stayed: after.filter(
        ({ body }, at) => logouts[at]?.status === 200 && typeof body?.n === 'number',
      ).length,
      isAlive: app.isAlive(),
    }
  } finally {
    await Promise.all([app.stop(), redis.stop()])
  }
}

/** @type {import('../figure.js').Scenario} */
export const full = {
  name: 'full',
  title: 'Memory full (OOM): 20 writes, 20 logouts',
  async run(chaos) {
    const results = await compare(chaos.libraries, (library) =>
      refused(library, ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']),
    )
    return [
      atMost(
        'answers 2xx whose save failed',
        0,
        '',
        each(results, (it) => it.lies),
      ),
      atMost(
        'logouts that failed',
        0,
        '',
        each(results, (it) => GUESTS - it.logouts),
      ),
      atMost(
        'logged out and still inside',
        0,
        '',
        each(results, (it) => it.stayed),
      ),
      staysAlive(results),
    ]
  },
}

/** @type {import('../figure.js').Scenario} */
export const readonly = {
  name: 'readonly',
  title: 'Master became a replica (READONLY): 20 writes, 20 logouts',
  async run(chaos) {
    const results = await compare(chaos.libraries, (library) =>
      refused(library, ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']),
    )
    return [
      atMost(
        'answers 2xx whose save failed',
        0,
        '',
        each(results, (it) => it.lies),
      ),
      atMost(
        'logged out and still inside',
        0,
        '',
        each(results, (it) => it.stayed),
      ),
      staysAlive(results),
    ]
  },
}
