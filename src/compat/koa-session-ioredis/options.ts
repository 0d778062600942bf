/** What may be said to a store, and by whom it is asked. */
import type { Duration } from '../../core/duration.ts'
import type { RedisClient } from '../../redis/driver.ts'

/**
 * Options of koa-session-ioredis 1.0.5 and koa-redis 4. Whatever is not named here is an option of
 * ioredis and goes there unread: `username`, `tls`, `sentinels`, `keyPrefix`, `maxRetriesPerRequest`, …
 */
export interface RedisStoreOptions<Client extends RedisClient = RedisClient> {
  /**
   * Your own client: ioredis, iovalkey or node-redis, single, Cluster or Sentinel. Options of the
   * connection are ignored then. Default: a client of ioredis, made from the other options.
   */
  readonly client?: Client | undefined
  /**
   * Uses `client.duplicate(<the other options>)` in place of the client. One of node-redis is to be
   * connected: `await store.client.connect()`. Default: false.
   */
  readonly duplicate?: boolean | undefined
  /** Default: localhost. */
  readonly host?: string | undefined
  /** Default: 6379. */
  readonly port?: number | undefined
  /** Such as `redis://user:password@host:6379/0`; wins over options that say the same. */
  readonly url?: string | URL | undefined
  /** The database to SELECT, also on a client of yours. Throws ERR_OPTION on a Cluster, which has only 0. Default: 0. */
  readonly db?: number | string | undefined
  readonly password?: string | null | undefined
  /** A Unix socket. */
  readonly path?: string | null | undefined
  /** Session to text. Ignored unless a function. Default: `JSON.stringify`. */
  readonly serialize?: ((session: object) => string) | undefined
  /** Text to session, or a promise of it. Ignored unless a function. Default: `JSON.parse`. */
  readonly unserialize?: ((text: string) => unknown) | undefined
  /** Makes `new Cluster(nodes, clusterOptions)`. Default: false. */
  readonly isRedisCluster?: boolean | undefined
  /** With `isRedisCluster`: where to find the Cluster. */
  readonly nodes?: readonly (string | number | { host?: string; port?: number })[] | undefined
  /** With `isRedisCluster`: options of the ioredis `Cluster`, `redisOptions` among them. */
  readonly clusterOptions?: object | undefined
  /** @deprecated Use `password`. */
  readonly auth_pass?: string | null | undefined
  /** @deprecated Use `password`. */
  readonly pass?: string | null | undefined
  /** @deprecated Use `path`. */
  readonly socket?: string | null | undefined
  /**
   * How long a session is kept that is saved without a time of its own: a browser session. Milliseconds
   * or text such as `'30d'`; begins anew with each save. The originals kept it for ever. Default: one day.
   */
  readonly defaultTtl?: Duration | undefined
}

/** What koa-session says besides the key; koa-generic-session says nothing. */
export interface Asker {
  /** The request. What it has loaded, it updates; what it has not, it creates. */
  readonly ctx?: object
}

export interface SetOptions extends Asker {
  /**
   * Whether the session began in this request. False: it is saved only if it is still there. Default:
   * false if `get` returned this object, or found something for this `ctx`, under the same key.
   */
  readonly isNew?: boolean
}

/** As ioredis emits them; `disconnect` follows `end`. */
export interface RedisStoreEvents {
  connect: []
  ready: []
  /** Trouble with the connection, or a stored session that could not be read. Nobody needs to listen. */
  error: [error: Error]
  close: []
  reconnecting: [delay?: number]
  end: []
  /** Of clients older than ioredis. */
  idle: []
  disconnect: []
}
