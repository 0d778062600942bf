/** The connections that an app hands to its session library. */
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'

/**
 * One server, or those of a Sentinel group or a Cluster.
 * @typedef {{ kind: 'single', port: number }
 *   | { kind: 'sentinel', name: string, sentinels: { host: string, port: number }[] }
 *   | { kind: 'cluster', nodes: { host: string, port: number }[] }} Address
 */

/**
 * @param {Address} address
 * @param {{ redis?: object, cluster?: object }} [options]
 */
export function connectIoredis(address, { redis = {}, cluster = {} } = {}) {
  const client =
    address.kind === 'cluster'
      ? new Cluster(address.nodes, { redisOptions: redis, ...cluster })
      : address.kind === 'sentinel'
        ? new Redis({ name: address.name, sentinels: address.sentinels, ...redis })
        : new Redis({ port: address.port, ...redis })
  client.on('error', () => {})
  return client
}

/** @param {Address} address */
export async function connectNodeRedis(address) {
  const client = nodeRedisClient(address)
  client.on('error', () => {})
  await client.connect()
  return client
}

/** @param {Address} address @returns {any} */
function nodeRedisClient(address) {
  switch (address.kind) {
    case 'single':
      return createClient({ socket: { port: address.port } })
    case 'sentinel':
      return createSentinel({ name: address.name, sentinelRootNodes: address.sentinels })
    case 'cluster':
      return createCluster({ rootNodes: address.nodes.map((socket) => ({ socket })) })
  }
}
