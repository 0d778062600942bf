/** The recommended options fit the clients they are for. */
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient, createCluster, createSentinel } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'
import {
  recommendedIoredisClusterOptions,
  recommendedIoredisOptions,
  recommendedIoredisSentinelOptions,
  recommendedNodeRedisClusterOptions,
  recommendedNodeRedisOptions,
  redisStore,
} from 'handstamp/redis'

const url = 'redis://localhost'
const nodes = [{ host: 'localhost', port: 6379 }]
const group = { sentinels: nodes, name: 'main' }
const rootNodes = [{ url }]
const sentinelRootNodes = nodes

export const stores = [
  redisStore({ client: new Redis(url, recommendedIoredisOptions()) }),
  redisStore({ client: new Redis5(url, recommendedIoredisOptions()) }),
  redisStore({ client: new Valkey(url, recommendedIoredisOptions()) }),
  redisStore({ client: new Redis({ ...group, ...recommendedIoredisSentinelOptions() }) }),
  redisStore({ client: new Redis5({ ...group, ...recommendedIoredisSentinelOptions() }) }),
  redisStore({ client: new Valkey({ ...group, ...recommendedIoredisSentinelOptions() }) }),
  redisStore({ client: new Cluster(nodes, recommendedIoredisClusterOptions()) }),
  redisStore({ client: new Cluster5(nodes, recommendedIoredisClusterOptions()) }),
  redisStore({ client: new ValkeyCluster(nodes, recommendedIoredisClusterOptions()) }),
  redisStore({ client: createClient({ url, ...recommendedNodeRedisOptions() }) }),
  redisStore({ client: createClient5({ url, ...recommendedNodeRedisOptions() }) }),
  redisStore({ client: createCluster({ rootNodes, ...recommendedNodeRedisClusterOptions() }) }),
  redisStore({ client: createCluster5({ rootNodes, ...recommendedNodeRedisClusterOptions() }) }),
  redisStore({
    client: createSentinel({
      name: 'main',
      sentinelRootNodes,
      nodeClientOptions: recommendedNodeRedisOptions(),
    }),
  }),
]

// @ts-expect-error: an option that no client has would be no protection.
export const misspelt = new Redis(url, { ...recommendedIoredisOptions(), comandTimeout: 1 })
