/** One run of the benchmark, from the first process to the figures. */
import { Redis } from 'ioredis'
import { startRedis } from '../tools/redis/start.mjs'
import { selectCandidates } from './candidates.js'
import { pinOther } from './cores.js'
import { chooseLoad } from './load/load.js'
import { describeMachine } from './machine.js'
import { createProgress, endProgress } from './progress.js'
import { runRounds, stepsOf } from './rounds.js'
import { noiseOf, summarise } from './summary.js'

/**
 * @param {import('./options.js').Options} options
 * @returns {Promise<import('./results.js').Run>}
 */
export async function compare({ settings, only, load: wanted }) {
  const selected = selectCandidates(only)
  const present = selected.filter(({ absent }) => absent === undefined)
  if (present.length === 0) throw new Error(`no candidate matches ${only}`)
  const load = chooseLoad(wanted)
  const server = await startRedis({ single: true })
  const { port } = server.single
  const redis = new Redis({ port })
  try {
    pinOther(Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]))
    pinOther(process.pid)
    const progress = createProgress(stepsOf(present.length, settings.rounds))
    const ground = { redis, port, startLoad: load.start, settings, progress }
    const { samples, stored } = await runRounds(present, ground)
    const rows = summarise(samples, present)
    return {
      machine: await describeMachine(redis, load.name),
      settings,
      noise: noiseOf(rows),
      rows,
      stored,
      absent: Object.fromEntries(
        selected.flatMap(({ name, absent }) => (absent === undefined ? [] : [[name, absent]])),
      ),
    }
  } finally {
    endProgress()
    redis.disconnect()
    await server.stop()
  }
}
