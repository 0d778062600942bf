/** Every Redis client that handstamp supports, with every group of servers it can connect to. */
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { createClient, createCluster, createSentinel } from 'redis'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import type { RedisClient } from '../../src/redis/driver.ts'
import { redisServers } from './redis.ts'

export interface ConnectedClient {
  readonly client: RedisClient
  close(): Promise<void>
}

export interface ClientRow {
  /** Such as `ioredis 5, cluster`. */
  readonly title: string
  connect(): Promise<ConnectedClient>
}

/** For `describe.each(clientRows)('$title', …)`. */
export const clientRows: readonly ClientRow[] = [
  ...ioredisRows('ioredis 6', Redis, Cluster),
  ...ioredisRows('ioredis 5', Redis5, Cluster5),
  ...ioredisRows('iovalkey', Valkey, ValkeyCluster),
  ...nodeRedisRows('redis 6', createClient, createCluster, createSentinel),
  ...nodeRedisRows('redis 5', createClient5, createCluster5, createSentinel5),
]

type Disconnecting = RedisClient & { disconnect(): void }

function ioredisRows(
  name: string,
  Single: new (
    options: ReturnType<typeof ioredisSingle> | ReturnType<typeof ioredisSentinel>,
  ) => Disconnecting,
  Nodes: new (nodes: { host: string; port: number }[]) => Disconnecting,
): ClientRow[] {
  const row = (servers: string, create: () => Disconnecting): ClientRow => ({
    title: `${name}, ${servers}`,
    async connect() {
      const client = create()
      return { client, close: async () => client.disconnect() }
    },
  })
  return [
    row('single', () => new Single(ioredisSingle())),
    row('cluster', () => new Nodes([...redisServers().cluster.nodes])),
    row('sentinel', () => new Single(ioredisSentinel())),
  ]
}

function ioredisSingle() {
  const { host, port } = redisServers().single
  return { host, port }
}

function ioredisSentinel() {
  const { name, sentinels } = redisServers().sentinel
  return { name, sentinels: [...sentinels] }
}

interface Connecting {
  connect(): Promise<unknown>
  destroy(): unknown
  on(event: 'error', listener: () => void): unknown
}

function nodeRedisRows(
  name: string,
  single: (options: { url: string }) => Connecting,
  cluster: (options: { rootNodes: { url: string }[] }) => Connecting,
  sentinel: (options: {
    name: string
    sentinelRootNodes: { host: string; port: number }[]
  }) => Connecting,
): ClientRow[] {
  const row = (servers: string, create: () => Connecting): ClientRow => ({
    title: `${name}, ${servers}`,
    async connect() {
      const client = create()
      client.on('error', () => {})
      await client.connect()
      return {
        client: client as unknown as RedisClient,
        close: async () => {
          await client.destroy()
        },
      }
    },
  })
  return [
    row('single', () => single({ url: redisServers().single.url })),
    row('cluster', () => {
      const rootNodes = redisServers().cluster.nodes.map(({ url }) => ({ url }))
      return cluster({ rootNodes })
    }),
    row('sentinel', () => {
      const { name: master, sentinels } = redisServers().sentinel
      return sentinel({ name: master, sentinelRootNodes: [...sentinels] })
    }),
  ]
}
