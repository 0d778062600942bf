/**
 * What users cost: the first page of a user with many sessions, ending all of them, and the slowest
 * command on the way, by Redis' own clock. Starts a Redis of its own.
 *
 *     npm run build && npm ci --prefix bench && node bench/users.js [sessions] [--json]
 */
import { createSessions } from 'handstamp'
import { redisStore } from 'handstamp/redis'
import { Redis } from 'ioredis'
import { startRedis } from '../tools/redis/start.mjs'

const many = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 100_000)
const server = await startRedis({ single: true })
const redis = new Redis({ port: server.single.port, enableAutoPipelining: true })
const sessions = createSessions({ store: redisStore({ client: redis }), storeTimeout: '60s' })
/** @type {Record<string, number>} */
const figures = { sessions: many }

/** A visitor who signs in. */
async function signIn() {
  const visit = sessions.begin({ header: () => undefined, path: '/', secure: true, source: {} })
  await visit?.open()
  await visit?.session?.signIn('ann')
}

/** @param {string} name @param {() => Promise<unknown>} work */
async function timed(name, work) {
  await redis.call('SLOWLOG', 'RESET')
  const start = performance.now()
  await work()
  figures[`${name}, ms`] = Math.round((performance.now() - start) * 100) / 100
  const slow = /** @type {[number, number, number][]} */ (
    await redis.call('SLOWLOG', 'GET', '1000')
  )
  figures[`${name}: slowest command, µs`] = Math.max(0, ...slow.map(([, , micros]) => micros))
}

await redis.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '1000')
await signIn()
await sessions.user('ann').list()
for (let made = 1; made < many; made += 500) {
  await Promise.all(Array.from({ length: Math.min(500, many - made) }, signIn))
  if (process.stderr.isTTY) process.stderr.write(`\r${made} of ${many} sessions`)
}
const [index = ''] = await redis.keys('*:u:*')
figures['index, bytes per session'] =
  Number(await redis.memory('USAGE', index, 'SAMPLES', 0)) / many
await timed('first page of 50', () => sessions.user('ann').list())
await timed('page in the middle', () => sessions.user('ann').list({ offset: Math.floor(many / 2) }))
await timed('count', () => sessions.user('ann').count())
await timed('one more sign-in', signIn)
await timed('revoke all', () => sessions.user('ann').revokeAll())

if (process.argv.includes('--json')) console.log(JSON.stringify(figures, undefined, 2))
else {
  process.stderr.write('\r')
  console.table(figures)
}
redis.disconnect()
await server.stop()
