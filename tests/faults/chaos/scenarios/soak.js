/** Half an hour of work with a fault every 30 s: two apps, each with a link of its own to one Redis. */
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedis } from '../../../../tools/redis/start.mjs'
import { diceOf, pick } from '../../dice.js'
import { violationsOf } from '../../history.js'
import { startProxy } from '../../proxy.js'
import { admit, inParallel } from '../admit.js'
import { startContestant } from '../contestant.js'
import { troubles } from '../faults.js'
import { atMost, mustBe } from '../figure.js'
import { createLoad } from '../load.js'
import { historyOf } from '../recorded.js'
import { begunBetween, steadyAfter } from '../verdict.js'

const RATE = 500
const PERIOD = 30
const GUESTS = 300
/** After a fault a link may be found dead only when it has been silent for the client's time-out. */
const CALM = 5

/** @type {import('../figure.js').Scenario} */
export const soak = {
  name: 'soak',
  title: `Soak: ${RATE} requests/s, a random fault every ${PERIOD} s`,
  isLong: true,
  async run({ minutes, seed, progress }) {
    const dice = diceOf(seed)
    const redis = await startRedis({ single: true })
    const { port } = redis.single
    const proxies = [await startProxy(port), await startProxy(port)]
    const apps = await Promise.all(
      proxies.map((proxy) =>
        startContestant({ library: 'handstamp', address: { kind: 'single', port: proxy.port } }),
      ),
    )
    try {
      /** @type {{ heap: number, handles: number, minute: number }[]} */
      const states = []
      /** @type {string[]} */
      const breaches = []
      const periods = Math.max(1, Math.round((minutes * 60) / PERIOD))
      for (let period = 1; period <= periods; period++) {
        const trouble = pick(dice, troubles)
        const proxy = pick(dice, /** @type {[typeof proxies[0], ...typeof proxies]} */ (proxies))
        const found = await live(apps, () =>
          trouble.strike({ port, proxy: proxy ?? proxies[0], dice }),
        )
        found.push(...(await endless(port)))
        breaches.push(...found.map((what) => `${trouble.name}: ${what}`))
        const alive = await Promise.all(apps.map((app) => app.state('collect')))
        if (alive.includes(undefined)) breaches.push(`${trouble.name}: a process ended`)
        const heap = Math.max(...alive.map((state) => state?.heap ?? 0)) / 2 ** 20
        const handles = Math.max(...alive.map((state) => state?.handles ?? 0))
        states.push({ heap, handles, minute: (period * PERIOD) / 60 })
        progress(
          `${period} of ${periods}, ${trouble.name}: heap ${heap.toFixed(1)} MB, ${handles} handles` +
            found.map((what) => `; ${what}`).join(''),
        )
        if (alive.includes(undefined)) break
      }
      // Once everything is warm: after minute 5, in a short run after a third.
      const settled = states.filter(({ minute }) => minute > Math.min(5, minutes / 3))
      return [
        atMost(`breaches of an invariant in ${periods} periods`, 0, '', {
          handstamp: breaches.length,
        }),
        atMost('growth of the heap once warm', 2, 'MB', {
          handstamp: growthOf(settled.map(({ heap }) => heap)),
        }),
        atMost('growth of handles once warm', 0, '', {
          handstamp: growthOf(settled.map(({ handles }) => handles)),
        }),
        mustBe('process alive (strict rejections)', {
          handstamp: apps.every((app) => app.isAlive()),
        }),
      ]
    } finally {
      await Promise.all([...apps.map((app) => app.stop()), ...proxies.map((proxy) => proxy.stop())])
      await redis.stop()
    }
  },
}

/** How much the last third lies above the first, by their least values. @param {number[]} values */
function growthOf(values) {
  const third = Math.ceil(values.length / 3)
  return Math.max(0, Math.min(...values.slice(-third)) - Math.min(...values.slice(0, third)))
}

/**
 * A period with guests of its own; what was not as promised.
 * @param {import('../contestant.js').Contestant[]} apps
 * @param {() => Promise<unknown>} strike
 * @returns {Promise<string[]>}
 */
async function live(apps, strike) {
  const loads = apps.map(({ port }) => createLoad(port))
  const [first] = loads
  if (!first) return []
  const guests = await admit(first, GUESTS)
  /** The last guests leave one after the other. */
  const leaving = guests.splice(-GUESTS / 3)
  /** @type {Map<string, number>} */
  const left = new Map()
  let value = 0
  for (const load of loads)
    load.start(RATE / loads.length, () => {
      const turn = ++value
      const guest = guests[(turn * 7) % guests.length]
      const to = { cookie: guest?.cookie ?? '', session: guest?.session ?? '' }
      return turn % 5 === 0
        ? { ...to, path: `/write?n=${turn}`, kind: 'write', value: turn }
        : { ...to, path: '/read', kind: 'read' }
    })
  await pause(2000)
  const struck = performance.now()
  const departures = Promise.all(
    leaving.map(async ({ cookie }, at) => {
      await pause(at * 80)
      const { status, end } = await first.send({ path: '/logout', cookie })
      if (status === 200) left.set(cookie, end)
    }),
  )
  await strike()
  const calm = performance.now() + CALM * 1000
  await departures
  await pause(Math.max(calm + 3000, struck + (PERIOD - 6) * 1000) - performance.now())
  const records = (await Promise.all(loads.map((load) => load.stop(5000)))).flat()
  const again = createLoad(apps[0]?.port ?? 0)
  const back = await inParallel([...left.keys()], async (cookie) => {
    const { body } = await again.send({ path: '/read', cookie })
    return typeof body?.n === 'number'
  })
  await again.stop(0)

  const found = violationsOf(historyOf(records)).map(({ reason }) => `history: ${reason}`)
  if (back.includes(true)) found.push('a session is back after its logout')
  const work = begunBetween(records, struck, Infinity).filter(({ kind }) => kind !== undefined)
  if (work.some(({ setCookie }) => setCookie !== undefined)) found.push('a cookie was set')
  const strange = work.filter(({ status }) => status !== 200 && status !== 503)
  if (strange.length > 0) found.push(`${strange.length} answers ${strange[0]?.status}`)
  if (steadyAfter(work, calm) > 0) found.push(`not normal ${CALM} s after the fault`)
  return found
}

/** Keys without an expiry. @param {number} port */
async function endless(port) {
  const redis = new Redis({ port })
  try {
    for await (const keys of redis.scanStream({ count: 1000 })) {
      const ttls = await Promise.all(keys.map((/** @type {string} */ key) => redis.pttl(key)))
      if (ttls.includes(-1)) return ['a key without an expiry']
    }
    return []
  } finally {
    redis.disconnect()
  }
}
