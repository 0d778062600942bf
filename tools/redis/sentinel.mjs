/** A master with two replicas, watched by three sentinels. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from './ask.mjs'
import { dataArgs } from './servers.mjs'
import { until } from './until.mjs'

/** @typedef {{ name: string, sentinels: { port: number }[] }} Sentinel */

const NAME = 'mymaster'

/**
 * @param {import('./servers.mjs').Servers} servers
 * @returns {Promise<Sentinel>}
 */
export async function startSentinel(servers) {
  const master = await servers.start(dataArgs)
  const following = ['--replicaof', '127.0.0.1', String(master)]
  await Promise.all(
    [1, 2].map(() => servers.start((port, folder) => [...dataArgs(port, folder), ...following])),
  )
  // A sentinel asks its master for replicas at once, then every 10 s: so they are there before it.
  await until('the replicas are in sync', async () => {
    const replication = await ask(master, 'INFO', 'replication')
    return replication.split('state=online').length === 3
  })
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => servers.start((port, folder) => sentinelArgs(port, folder, master))),
  )
  await until('the sentinels know each other and the replicas', async () => {
    const known = await Promise.all(sentinels.map((port) => ask(port, 'INFO', 'sentinel')))
    return known.every((info) => info.includes('status=ok') && /slaves=2,sentinels=3/.test(info))
  })
  return { name: NAME, sentinels: sentinels.map((port) => ({ port })) }
}

/**
 * A sentinel keeps what it learns in its configuration file, so it needs one of its own.
 * @param {number} port
 * @param {string} folder
 * @param {number} master
 */
function sentinelArgs(port, folder, master) {
  const file = join(folder, 'sentinel.conf')
  writeFileSync(
    file,
    `bind 127.0.0.1
port ${port}
dir ${folder}
logfile log
sentinel monitor ${NAME} 127.0.0.1 ${master} 2
sentinel down-after-milliseconds ${NAME} 1000
sentinel failover-timeout ${NAME} 5000
`,
  )
  return [file, '--sentinel']
}
