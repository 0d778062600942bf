/**
 * What it costs to tell changes to near caches, by broadcast or only to who has read the key: the CPU of
 * Redis for a write, and of each listening process for what it hears. Starts a Redis of its own.
 *
 *     npm ci --prefix bench && node bench/invalidations.js [--json]
 */
import { Redis } from 'ioredis'
import { startRedis } from '../tools/redis/start.mjs'

const WRITES = 20_000
const SESSIONS = 1000
const server = await startRedis({ single: true })
const { port } = server.single
const writer = new Redis({ port, enableAutoPipelining: true })
const document = `{"@":[1,"first0",1767225600000,0,3600000,86400000]\n,"text":"${'x'.repeat(240)}"\n}`
/** @param {number} at */
const keyOf = (at) => `hs:{a${String(at % 64).padStart(2, '0')}}:${String(at).padStart(22, '0')}`

/** @param {'broadcast' | 'per key'} mode @param {number} share of the sessions that it reads */
async function listen(mode, share) {
  /** @type {any} */
  const options = { port, protocol: 2 }
  const hearing = new Redis(options)
  const reading = mode === 'per key' ? new Redis({ port, enableAutoPipelining: true }) : hearing
  const id = String(await hearing.client('ID'))
  const how = mode === 'broadcast' ? ['BCAST', 'PREFIX', 'hs:'] : []
  await reading.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, ...how)
  let heard = 0
  const keys = Array.from({ length: SESSIONS }, (_, at) => at)
    .filter((at) => at / SESSIONS < share)
    .map(keyOf)
  hearing.on('message', (_, message) => {
    const changed = message.split(',')
    heard += changed.length
    // As a cache in full use does: who was told of a key has to read it again, or is told no more.
    if (mode === 'per key') for (const key of changed) reading.get(key).catch(() => undefined)
  })
  await hearing.subscribe('__redis__:invalidate')
  if (mode === 'per key') await Promise.all(keys.map((key) => reading.get(key)))
  return {
    heard: () => heard,
    stop: () => {
      hearing.disconnect()
      reading.disconnect()
    },
  }
}

/** Microseconds of CPU that Redis has taken so far. */
async function redisCpu() {
  const info = await writer.info('cpu')
  const used = (/** @type {string} */ name) =>
    Number(new RegExp(`used_cpu_${name}:([\\d.]+)`).exec(info)?.[1])
  return (used('user') + used('sys')) * 1e6
}

async function write() {
  for (let made = 0; made < WRITES; made += 20) {
    await Promise.all(
      Array.from({ length: 20 }, () =>
        writer.set(keyOf(Math.floor(Math.random() * SESSIONS)), document, 'PX', 3_600_000),
      ),
    )
  }
}

/** @param {'broadcast' | 'per key' | undefined} mode @param {number} processes @param {number} share */
async function measure(mode, processes, share) {
  const listeners = await Promise.all(
    Array.from({ length: mode ? processes : 0 }, () => listen(mode ?? 'broadcast', share)),
  )
  const [before, own] = [await redisCpu(), process.cpuUsage()]
  await write()
  const cpu = (await redisCpu()) - before
  const { user, system } = process.cpuUsage(own)
  const heard = listeners.reduce((sum, listener) => sum + listener.heard(), 0)
  for (const listener of listeners) listener.stop()
  return { redis: cpu / WRITES, own: (user + system) / WRITES, heard: heard / WRITES }
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100
}

await write()
/** @type {Record<string, Record<string, number>>} */
const rows = {}
const alone = await measure(undefined, 0, 0)
for (const [mode, processes, share] of /** @type {const} */ ([
  [undefined, 0, 0],
  ['broadcast', 1, 0],
  ['broadcast', 10, 0],
  ['broadcast', 50, 0],
  ['per key', 1, 0.1],
  ['per key', 10, 0.1],
  ['per key', 50, 0.1],
  ['per key', 10, 1],
  ['per key', 50, 1],
])) {
  const { redis, own, heard } = await measure(mode, processes, share)
  const title = mode ? `${mode}, ${processes} processes` : 'nobody listens'
  rows[mode === 'per key' ? `${title} that read ${share * 100} %` : title] = {
    'Redis, µs per write': round(redis),
    'told per write': round(heard),
    'listeners, µs per message': processes > 1 ? round((own - alone.own) / heard) : NaN,
  }
}
if (process.argv.includes('--json')) console.log(JSON.stringify(rows, undefined, 2))
else console.table(rows)
writer.disconnect()
await server.stop()
