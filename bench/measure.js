/** One window of load on one candidate: what each request cost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { difference, readCounters, shareOfClients } from './redis-counters.js'

const LONGEST_WARM_UP = 60

/**
 * Per request, except where said otherwise.
 * @typedef {object} Figures
 * @property {number} cpu µs of the server process, user and system
 * @property {number} perSecond requests per second
 * @property {number} busy part of a core that the server used; well below 1: something else was the limit
 * @property {number} commands sent to Redis
 * @property {number} bytes to and from Redis
 * @property {number} redisCpu µs of Redis
 */

/**
 * @param {import('./contestant.js').Contestant} contestant
 * @param {import('./workloads.js').Request[]} requests
 * @param {import('./rounds.js').Ground} ground
 * @returns {Promise<Figures>}
 */
export async function measure(contestant, requests, { redis, port, startLoad, settings }) {
  const { settle, seconds, connections } = settings
  const load = startLoad({
    port: contestant.port,
    requests,
    connections,
    seconds: settle + seconds,
  })
  await sleep(settle * 1000)
  const before = await Promise.all([contestant.usage(), readCounters(redis)])
  await sleep(seconds * 1000)
  const after = await Promise.all([contestant.usage(), readCounters(redis)])
  const used = difference(before[1], after[1])
  const share = used.scripts > 0 ? await shareOfClients(port) : 1
  complain(contestant, await load.stop())

  const count = after[0].requests - before[0].requests
  const cpu = after[0].cpu - before[0].cpu
  const time = after[0].at - before[0].at
  return {
    cpu: cpu / count,
    perSecond: (count / time) * 1e6,
    busy: cpu / time,
    commands: (used.commands * share) / count,
    bytes: used.bytes / count,
    redisCpu: used.cpu / count,
  }
}

/**
 * Load whose cost nobody looks at: the compiler has seen the code afterwards, however slow the
 * machine is.
 * @param {import('./contestant.js').Contestant} contestant
 * @param {import('./workloads.js').Request[]} requests
 * @param {import('./rounds.js').Ground} ground
 */
export async function warmUp(contestant, requests, { startLoad, settings }) {
  const { warmUp: enough, connections } = settings
  const load = startLoad({ port: contestant.port, requests, connections, seconds: LONGEST_WARM_UP })
  const deadline = performance.now() + LONGEST_WARM_UP * 1000
  while ((await contestant.usage()).requests < enough && performance.now() < deadline)
    await sleep(100)
  complain(contestant, await load.stop())
}

/**
 * Figures of errors are no figures.
 * @param {import('./contestant.js').Contestant} contestant
 * @param {import('./load/load.js').Complaints} complaints
 */
function complain({ candidate }, { failed, refused }) {
  if (failed + refused === 0) return
  throw new Error(`${candidate.name}: ${failed} requests had no answer, ${refused} an error's`)
}
