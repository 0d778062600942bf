/** A Cluster of three masters and three replicas, `cluster-node-timeout` 2000. */
import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ask } from '../../../../tools/redis/ask.mjs'
import { processOf } from '../../../../tools/redis/process.mjs'
import { startRedis } from '../../../../tools/redis/start.mjs'
import { failover } from '../failover.js'
import { ableToFailOver, slowestAnswer, staysAlive } from '../common.js'
import { atMost, compare, each } from '../figure.js'

const run = promisify(execFile)
/** A failover that takes longer, in seconds, is none. */
const LONGEST = 10

/**
 * @param {import('../figure.js').Chaos} chaos
 * @param {(masters: Node[]) => Promise<number | void>} begin as in failover.js
 *
 * @typedef {{ id: string, port: number }} Node
 */
function onCluster(chaos, begin) {
  const seconds = chaos.choose(15, 10)
  return compare(ableToFailOver(chaos.libraries), async (library) => {
    chaos.progress(library)
    const redis = await startRedis({ cluster: true })
    try {
      const { nodes } = redis.cluster
      const masters = await mastersOf(nodes[0]?.port ?? 0)
      const address = {
        kind: /** @type {const} */ ('cluster'),
        nodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      }
      return await failover({ library, address, rate: 100, seconds, begin: () => begin(masters) })
    } finally {
      await redis.stop()
    }
  })
}

/** @param {number} port @returns {Promise<Node[]>} */
async function mastersOf(port) {
  const text = await ask(port, 'CLUSTER', 'NODES')
  return Array.from(
    text.matchAll(/^(\w+) [\d.]+:(\d+)@\S+ (?:myself,)?master /gm),
    ([, id, of]) => ({
      id: id ?? '',
      port: Number(of),
    }),
  )
}

/** The seconds until the living nodes have three masters again. @param {number} port of one of them */
async function untilThreeMasters(port) {
  const begun = performance.now()
  const seconds = () => (performance.now() - begun) / 1000
  // A master that is found to have failed is `master,fail` there, and no match.
  while ((await mastersOf(port)).length !== 3 || !(await hasFailed(port))) {
    if (seconds() > LONGEST) return NaN
    await pause(20)
  }
  return seconds()
}

/** @param {number} port */
async function hasFailed(port) {
  return / master,fail /.test(await ask(port, 'CLUSTER', 'NODES'))
}

/** @type {import('../figure.js').Scenario} */
export const clusterKilled = {
  name: 'cluster-killed',
  title: 'Cluster: a master killed, 100 writes/s',
  async run(chaos) {
    const results = await onCluster(chaos, async ([master, other]) => {
      process.kill(await processOf(master?.port ?? 0), 'SIGKILL')
      return untilThreeMasters(other?.port ?? 0)
    })
    return [
      {
        ...atMost(
          'a replica is master (Redis alone)',
          Infinity,
          's',
          each(results, (it) => it.redisTook),
        ),
        bar: '',
      },
      atMost(
        'steady again',
        4,
        's',
        each(results, (it) => it.steady),
      ),
      slowestAnswer(results),
      atMost(
        'failures other than 503',
        0,
        '',
        each(results, (it) => it.untyped),
      ),
      {
        ...atMost(
          'requests that failed',
          100,
          '%',
          each(results, (it) => it.failed),
        ),
        bar: '',
      },
      staysAlive(results),
    ]
  },
}

/** @type {import('../figure.js').Scenario} */
export const clusterMoved = {
  name: 'cluster-moved',
  title: 'Cluster: 2,000 slots moved, SCRIPT FLUSH twice a second, 100 writes/s',
  async run(chaos) {
    const results = await onCluster(chaos, async (masters) => {
      const [from, to] = masters
      const flushing = setInterval(() => {
        for (const { port } of masters) ask(port, 'SCRIPT', 'FLUSH').catch(() => {})
      }, 500)
      await run('redis-cli', [
        '--cluster',
        'reshard',
        `127.0.0.1:${from?.port}`,
        '--cluster-yes',
        '--cluster-from',
        from?.id ?? '',
        '--cluster-to',
        to?.id ?? '',
        '--cluster-slots',
        '2000',
      ]).finally(() => clearInterval(flushing))
    })
    return [
      atMost(
        'requests that failed',
        0,
        '%',
        each(results, (it) => it.failed),
      ),
      atMost(
        'acknowledged writes lost',
        0,
        '',
        each(results, (it) => it.lost),
      ),
      {
        ...atMost(
          'slowest answer',
          Infinity,
          'ms',
          each(results, (it) => it.slowest),
        ),
        bar: '',
      },
      staysAlive(results),
    ]
  },
}
