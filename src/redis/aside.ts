/**
 * A connection beside the application's, for a command that holds up whatever is sent behind it. It
 * does not connect again: what was said on it counts for this one connection only.
 */
import type { RedisClient } from './driver.ts'

export interface Aside<Over> {
  readonly over: Over
  close(): void
}

type On = (event: 'error', listener: () => void) => unknown

/** ioredis and iovalkey: `Redis` and `Cluster`. */
interface IoredisClient {
  readonly isCluster?: boolean
  duplicate(...overrides: unknown[]): IoredisClient
  disconnect(): void
  on: On
}

/** node-redis: `createClient`, `createCluster`, `createSentinel`. */
interface NodeRedisClient {
  readonly options?: { readonly socket?: object }
  duplicate(overrides: object): NodeRedisClient
  connect(): Promise<unknown>
  destroy(): unknown
  on: On
}

/** node-redis: `createClientPool`. */
interface NodeRedisPool {
  execute<Value>(work: (client: NodeRedisClient) => Value): Promise<Value>
}

/** Undefined where the client cannot make another one of itself. */
export async function openAside(client: RedisClient): Promise<Aside<RedisClient> | undefined> {
  const given: unknown = client
  if ('call' in client)
    return 'duplicate' in client ? besideIoredis(given as IoredisClient) : undefined
  if ('duplicate' in client) return besideNodeRedis(duplicateOf(given as NodeRedisClient))
  if (!('execute' in client)) return undefined
  return besideNodeRedis(await (given as NodeRedisPool).execute(duplicateOf))
}

function besideIoredis(client: IoredisClient): Aside<RedisClient> {
  const options = { lazyConnect: false, enableOfflineQueue: true }
  const connection = client.isCluster
    ? client.duplicate([], { ...options, clusterRetryStrategy: null })
    : client.duplicate({ ...options, retryStrategy: null })
  connection.on('error', () => undefined)
  return { over: connection as unknown as RedisClient, close: () => connection.disconnect() }
}

/** As few connections as it can do with. */
function duplicateOf(client: NodeRedisClient): NodeRedisClient {
  if ('nodeClient' in client) return client.duplicate({ minimizeConnections: true })
  if ('acquire' in client) return client.duplicate({ masterPoolSize: 1, replicaPoolSize: 0 })
  return client.duplicate({ socket: { ...client.options?.socket, reconnectStrategy: false } })
}

async function besideNodeRedis(connection: NodeRedisClient): Promise<Aside<RedisClient>> {
  connection.on('error', () => undefined)
  await connection.connect()
  const close = async (): Promise<unknown> => connection.destroy()
  return {
    over: connection as unknown as RedisClient,
    // It may be closed already.
    close: () => void close().catch(() => undefined),
  }
}
