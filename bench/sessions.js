/**
 * What many sessions cost: memory of each, and how long a request waits for a read and for a commit
 * among them. Each is signed in, with 300 bytes of data. Starts a Redis of its own.
 *
 *     npm run build && npm ci --prefix bench && node bench/sessions.js [sessions] [--json]
 */
import { createSessions } from 'handstamp'
import { redisStore } from 'handstamp/redis'
import { Redis } from 'ioredis'
import { startRedis } from '../tools/redis/start.mjs'
import { profile } from './profile.js'

const many = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 100_000)
const TURNS = 2000
const ATONCE = 500
const server = await startRedis({ single: true })
const redis = new Redis({ port: server.single.port, enableAutoPipelining: true })
/** @type {import('handstamp').Sessions<Partial<typeof profile>>} */
const sessions = createSessions({
  store: redisStore({ client: redis }),
  storeTimeout: '60s',
  cookie: { secure: true },
})
/** @type {Record<string, number>} */
const figures = { sessions: many }

/** A request of who holds this id; resolves to the id held afterwards. @param {string} [id] @param {(session: import('handstamp').Session<Partial<typeof profile>>) => unknown} [work] */
async function request(id, work) {
  const cookie = id === undefined ? undefined : `__Host-sid=${id}`
  const header = (/** @type {string} */ name) => (name === 'cookie' ? cookie : undefined)
  const visit = sessions.begin({ header, path: '/', secure: true, source: {} })
  const session = await visit?.load()
  if (session) await work?.(session)
  await visit?.settle()
  return visit?.id ?? ''
}

/** @param {number} user */
function signIn(user) {
  return request(undefined, (session) => {
    Object.assign(session, profile)
    return session.signIn(`user ${user}`)
  })
}

/** One after the other, each on another session. @param {string} name @param {(id: string) => Promise<unknown>} work */
async function timed(name, work) {
  const times = []
  for (let turn = 0; turn < TURNS; turn++) {
    const id = known[Math.floor((turn / TURNS) * known.length)] ?? ''
    const start = performance.now()
    await work(id)
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  figures[`${name}, p50 µs`] = Math.round((times[TURNS * 0.5] ?? NaN) * 1000)
  figures[`${name}, p99 µs`] = Math.round((times[TURNS * 0.99] ?? NaN) * 1000)
}

async function usedMemory() {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}

await signIn(-1)
const before = await usedMemory()
/** @type {string[]} */
const known = []
// Ids of a sample: a million of them would be memory of ours to clean up while we measure.
const every = Math.ceil(many / (TURNS * 5))
for (let made = 0; made < many; made += ATONCE) {
  const users = Array.from({ length: Math.min(ATONCE, many - made) }, (_, at) => made + at)
  const ids = await Promise.all(users.map(signIn))
  known.push(...ids.filter((_, at) => (made + at) % every === 0))
  if (process.stderr.isTTY) process.stderr.write(`\r${made} of ${many} sessions`)
}
figures['memory of Redis per session, bytes'] = Math.round(((await usedMemory()) - before) / many)
for (let turn = 0; turn < TURNS; turn++) await request(known[turn % known.length])
await timed('read', (id) => request(id))
await timed('commit', (id) =>
  request(id, (session) => {
    session.views = (session.views ?? 0) + 1
  }),
)

if (process.argv.includes('--json')) console.log(JSON.stringify(figures, undefined, 2))
else {
  process.stderr.write('\r')
  console.table(figures)
}
redis.disconnect()
await server.stop()
