/** One library while its one Redis is away for a while: what its visitors see, and what it costs. */
import { setTimeout as pause } from 'node:timers/promises'
import { processOf } from '../../../tools/redis/process.mjs'
import { startRedis } from '../../../tools/redis/start.mjs'
import { violationsOf } from '../history.js'
import { admit } from './admit.js'
import { startContestant } from './contestant.js'
import { createLoad } from './load.js'
import { historyOf } from './recorded.js'
import { begunBetween, percentile, slowest, steadyAfter } from './verdict.js'

/**
 * @typedef {object} Outage
 * @property {string} library
 * @property {'SIGSTOP' | 'SIGKILL'} signal
 * @property {number} rate requests a second
 * @property {number} seconds without Redis
 *
 * @typedef {Awaited<ReturnType<typeof outage>>} Result
 */

const GUESTS = 500
/** Requests that nobody answers are given up after so long, milliseconds. */
const PATIENCE = 30_000

/** @param {Outage} outage */
export async function outage({ library, signal, rate, seconds }) {
  const redis = await startRedis({ single: true })
  const { port } = redis.single
  const address = /** @type {const} */ ({ kind: 'single', port })
  const app = await startContestant({ library, address })
  // An app of their own, so that the commands it sends are those of visitors without a cookie.
  const lobby = await startContestant({ library, address })
  try {
    const load = createLoad(app.port)
    const guests = await admit(load, GUESTS)
    const passing = createLoad(lobby.port)
    let value = 0
    load.start(rate, () => nextOf(guests, ++value))
    passing.start(20, () => ({ path: '/' }))
    await pause(2000)

    const watch = await watchOf(app)
    const callsBefore = (await lobby.state())?.storeCalls ?? 0
    const redisProcess = await processOf(port)
    const broken = performance.now()
    process.kill(redisProcess, signal)
    await pause(seconds * 1000)
    const { most, growth } = await watch.stop()
    if (signal === 'SIGSTOP') process.kill(redisProcess, 'SIGCONT')
    else await redis.restart(port)
    const healed = performance.now()
    await pause(8000)
    const records = await load.stop(PATIENCE)
    const strangers = await passing.stop(0)
    const without = begunBetween(records, broken, healed)
    return {
      slowest: slowest(without),
      refused: percentile(begunBetween(records, broken + 2000, healed), 0.99),
      inFlight: most,
      growth,
      steady: steadyAfter(records, healed),
      cookies: without.filter(({ setCookie }) => setCookie !== undefined).length,
      strangersFailed: strangers.filter(({ status }) => status !== 200).length,
      strangersCalls: ((await lobby.state())?.storeCalls ?? 0) - callsBefore,
      isAlive: app.isAlive(),
      // A Redis that was killed comes back empty; what it held is no matter of the session layer.
      violations: signal === 'SIGSTOP' ? violationsOf(historyOf(records)).length : 0,
    }
  } finally {
    await Promise.all([app.stop(), lobby.stop(), redis.stop()])
  }
}

/** Four reads to a write. @param {readonly import('./admit.js').Guest[]} guests @param {number} value */
function nextOf(guests, value) {
  const { session, cookie } = /** @type {import('./admit.js').Guest} */ (
    guests[(value * 7) % guests.length]
  )
  return value % 5 === 0
    ? { path: `/write?n=${value}`, cookie, session, kind: /** @type {const} */ ('write'), value }
    : { path: '/read', cookie, session, kind: /** @type {const} */ ('read') }
}

/** Asks once a second how busy the app is, and before and after how large. @param {import('./contestant.js').Contestant} app */
async function watchOf(app) {
  const before = await app.state('collect')
  let most = 0
  const end = new AbortController()
  const watching = (async () => {
    while (!end.signal.aborted) {
      await pause(1000)
      const state = await app.state()
      most = Math.max(most, state?.inFlight ?? 0)
    }
  })()
  return {
    async stop() {
      end.abort()
      await watching
      const after = await app.state('collect')
      return { most, growth: ((after?.heap ?? 0) - (before?.heap ?? 0)) / 2 ** 20 }
    },
  }
}
