/** A Redis Cluster: three masters with one replica each. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ask } from './ask.mjs'
import { dataArgs } from './servers.mjs'
import { until } from './until.mjs'

/** @typedef {{ nodes: { port: number }[] }} Cluster */

const run = promisify(execFile)

/**
 * @param {import('./servers.mjs').Servers} servers
 * @returns {Promise<Cluster>}
 */
export async function startCluster(servers) {
  const ports = await Promise.all(Array.from({ length: 6 }, () => servers.start(nodeArgs)))
  const nodes = ports.map((port) => `127.0.0.1:${port}`)
  const replicas = ['--cluster-replicas', '1']
  await run('redis-cli', ['--cluster', 'create', ...nodes, ...replicas, '--cluster-yes'])
  await until('the cluster is complete', async () => {
    const complete = await Promise.all(ports.map((port) => seesAll(port)))
    return complete.every(Boolean)
  })
  return { nodes: ports.map((port) => ({ port })) }
}

/**
 * @param {number} port
 * @param {string} folder
 */
function nodeArgs(port, folder) {
  return dataArgs(port, folder, {
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': 2000,
  })
}

/** Does this node serve all slots, and is it in sync with its replica or master? @param {number} port */
async function seesAll(port) {
  const [cluster, nodes, replication] = await Promise.all([
    ask(port, 'CLUSTER', 'INFO'),
    ask(port, 'CLUSTER', 'NODES'),
    ask(port, 'INFO', 'replication'),
  ])
  return (
    cluster.includes('cluster_state:ok') &&
    nodes.split('\n').filter((line) => / (myself,)?slave /.test(line)).length === 3 &&
    /master_link_status:up|slave0:.*state=online/.test(replication)
  )
}
