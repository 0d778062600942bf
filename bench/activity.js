/**
 * What activity costs: a note by Redis' own clock, what a session and a user take, and how long it
 * takes to ask. Starts a Redis of its own.
 *
 *     npm run build && npm ci --prefix bench && node bench/activity.js [users] [--json]
 */
import { createSessions } from 'handstamp'
import { redisStore } from 'handstamp/redis'
import { Redis } from 'ioredis'
import { startRedis } from '../tools/redis/start.mjs'

const many = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 100_000)
const ROUNDS = 31
const server = await startRedis({ single: true })
const redis = new Redis({ port: server.single.port, enableAutoPipelining: true })
const store = redisStore({ client: redis })
const sessions = createSessions({ store, storeTimeout: '60s', activity: true })
/** @type {Record<string, number>} */
const figures = { users: many }

/** A visitor who signs in. @param {number} user */
async function signIn(user) {
  const visit = sessions.begin({ header: () => undefined, path: '/', secure: true, source: {} })
  await visit?.open()
  await visit?.session?.signIn(`user ${user}`)
}

/** The median. @param {string} name @param {() => Promise<unknown>} work */
async function timed(name, work) {
  const times = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0
  figures[`${name}, ms`] = Math.round(median * 100) / 100
}

/** What the keys of this end take, per user. @param {string} end */
async function bytesOf(end) {
  const keys = await redis.keys(`hs:{a?}:a:default:${end}`)
  const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)))
  return Math.round(sizes.reduce((sum, size) => Number(sum) + Number(size), 0) ?? 0) / many
}

for (let made = 0; made < many; made += 500) {
  const users = Array.from({ length: Math.min(500, many - made) }, (_, at) => made + at)
  await Promise.all(users.map(signIn))
  if (process.stderr.isTTY) process.stderr.write(`\r${made} of ${many} users`)
}
const noted = { owner: undefined, namespace: 'default', seenAt: Date.now(), keep: 86_400_000 }
await redis.config('RESETSTAT')
const { recent } = await store.activity.since('default', 0, 100)
for (const handle of recent) await store.activity.note({ ...noted, handle })
const stats = await redis.info('commandstats')
figures['note, µs of Redis'] = Number(/cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(stats)?.[1])
figures['bytes per session'] = await bytesOf('s')
figures['bytes per user'] = await bytesOf('u')
await timed('counts alone', () => sessions.activity('1h', { limit: 0 }))
await timed('with the last 20', () => sessions.activity('1h'))
await timed('with the last 100', () => sessions.activity('1h', { limit: 100 }))

if (process.argv.includes('--json')) console.log(JSON.stringify(figures, undefined, 2))
else {
  process.stderr.write('\r')
  console.table(figures)
}
redis.disconnect()
await server.stop()
