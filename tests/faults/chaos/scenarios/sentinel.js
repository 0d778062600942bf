/** A Sentinel group of a master, two replicas and three sentinels, `down-after-milliseconds` 1000. */
import { ask } from '../../../../tools/redis/ask.mjs'
import { processOf } from '../../../../tools/redis/process.mjs'
import { startRedis } from '../../../../tools/redis/start.mjs'
import { failover } from '../failover.js'
import { ableToFailOver, slowestAnswer, staysAlive } from '../common.js'
import { atMost, compare, each } from '../figure.js'

/**
 * @param {import('../figure.js').Chaos} chaos
 * @param {number} rate
 * @param {(master: number, sentinel: import('../../../../tools/redis/sentinel.mjs').Sentinel) => Promise<unknown>} begin
 */
async function onSentinel(chaos, rate, begin) {
  const seconds = chaos.choose(15, 10)
  return compare(ableToFailOver(chaos.libraries), async (library) => {
    chaos.progress(library)
    const redis = await startRedis({ sentinel: true })
    const { name, sentinels } = redis.sentinel
    try {
      const [first = { port: 0 }] = sentinels
      const master = await ask(first.port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)
      const address = {
        kind: /** @type {const} */ ('sentinel'),
        name,
        sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      }
      return await failover({
        library,
        address,
        rate,
        seconds,
        begin: async () => void (await begin(Number(master.split(',')[1]), redis.sentinel)),
      })
    } finally {
      await redis.stop()
    }
  })
}

/** @type {import('../figure.js').Scenario} */
export const sentinelKilled = {
  name: 'sentinel-killed',
  title: 'Sentinel: master killed, 100 writes/s',
  async run(chaos) {
    const results = await onSentinel(chaos, 100, async (master) =>
      process.kill(await processOf(master), 'SIGKILL'),
    )
    return [
      atMost(
        'steady again',
        4.5,
        's',
        each(results, (it) => it.steady),
      ),
      slowestAnswer(results),
      atMost(
        'acknowledged writes lost',
        0,
        '',
        each(results, (it) => it.lost),
      ),
      staysAlive(results),
    ]
  },
}

/** @type {import('../figure.js').Scenario} */
export const sentinelPlanned = {
  name: 'sentinel-planned',
  title: 'Sentinel: planned failover, 200 writes/s',
  async run(chaos) {
    const results = await onSentinel(chaos, 200, (_, { name, sentinels }) =>
      ask(sentinels[0]?.port ?? 0, 'SENTINEL', 'FAILOVER', name),
    )
    const { handstamp } = results
    return [
      atMost(
        'acknowledged writes lost',
        200,
        '',
        each(results, (it) => it.lost),
      ),
      atMost(
        `revocations lost, of ${handstamp?.replicated} told replicated (${handstamp?.revocations} in all)`,
        0,
        '',
        { handstamp: handstamp?.revived },
      ),
      slowestAnswer(results),
      staysAlive(results),
    ]
  },
}

/** @type {import('../figure.js').Scenario} */
export const sentinelHung = {
  name: 'sentinel-hung',
  title: 'Sentinel: master hangs (SIGSTOP), 100 writes/s',
  async run(chaos) {
    const results = await onSentinel(chaos, 100, async (master) =>
      process.kill(await processOf(master), 'SIGSTOP'),
    )
    return [
      atMost(
        'steady again',
        5,
        's',
        each(results, (it) => it.steady),
      ),
      slowestAnswer(results),
      staysAlive(results),
    ]
  },
}
