/** Which client does a store with these options talk through? */
import { optionError } from '../../core/errors.ts'
import type { RedisClient } from '../../redis/driver.ts'
import { loadPeer } from '../peer.ts'
import type { RedisStoreOptions } from './options.ts'

/** What a store uses of its client besides commands; each kind of client has some of it. */
export interface StoreClient {
  on(event: string, listener: (...values: unknown[]) => void): unknown
  /** ioredis. */
  readonly status?: string
  readonly isCluster?: boolean
  /** node-redis. */
  readonly isOpen?: boolean
  readonly isReady?: boolean
  close?(): Promise<unknown>
  quit?(): Promise<unknown>
  select?(db: number): Promise<unknown>
  duplicate?(...options: unknown[]): StoreClient & RedisClient
}

interface Ioredis {
  readonly Redis: new (...options: unknown[]) => StoreClient & RedisClient
  readonly Cluster: new (nodes: unknown, options: unknown) => StoreClient & RedisClient
}

/**
 * Reads the options and leaves them as they are: applications share them. Throws ERR_OPTION for `db` on
 * a Cluster, and where ioredis is needed and not installed.
 */
export function clientOf(options: RedisStoreOptions): StoreClient & RedisClient {
  const { client: given, duplicate, url, isRedisCluster, nodes, clusterOptions, ...rest } = options
  const { auth_pass, pass, socket, serialize: _, unserialize: __, defaultTtl: ___, ...own } = rest
  // Only what is there: a `null` would take the password from a client that is duplicated.
  const password = own.password || auth_pass || pass
  const path = own.path || socket
  const settings = { ...own, ...(password && { password }), ...(path && { path }) }

  const client = given as (StoreClient & RedisClient) | undefined
  // Before anything connects that nobody could close.
  if (own.db && (client ? client.isCluster || 'nodeClient' in client : isRedisCluster))
    throw optionError('db: a Redis Cluster has the database 0 only; leave the option out.')
  if (client) {
    if (!duplicate || !client.duplicate) return client
    return client.isCluster ? client.duplicate(nodes, clusterOptions) : client.duplicate(settings)
  }
  const { Redis, Cluster } = loadPeer('ioredis', 'A store without a client') as Ioredis
  if (isRedisCluster) return new Cluster(nodes, clusterOptions)
  return url ? new Redis(String(url), settings) : new Redis(settings)
}

/** Has the client use a database, from now on and after each connect. */
export function selectDatabase(
  client: StoreClient,
  db: number,
  onFailure: (error: unknown) => void,
): void {
  const select = (): void => void client.select?.(db).catch(onFailure)
  if (client.isOpen !== false) select()
  client.on('connect', select)
}

/** In the words of ioredis. */
export function statusOf({ status, isOpen, isReady = isOpen }: StoreClient): string {
  return status ?? (isReady ? 'ready' : isOpen ? 'connecting' : 'end')
}
