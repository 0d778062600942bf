/**
 * A connection on which Redis tells which keys have changed, one life long: it does not connect again.
 *
 * CLIENT TRACKING in broadcasting mode, redirected to its own connection, which is subscribed to the
 * channel of invalidations: so one connection is enough, the one that reads is left as it is, and what
 * is published travels the same way as what has changed, one behind the other. RESP2, because ioredis
 * passes on no invalidations of RESP3.
 */
import type { RedisClient } from './driver.ts'

export interface TrackingConnection {
  close(): void
}

export interface Hear {
  /** These keys have changed; undefined: any may have. */
  keys(keys: readonly string[] | undefined): void
  message(text: string): void
  /** The connection is gone; may be told more than once. */
  lost(cause: unknown): void
}

/** ioredis and iovalkey: `Redis`. */
interface IoredisClient {
  readonly isCluster?: boolean
  readonly options?: { readonly keyPrefix?: string | Buffer }
  readonly stream?: { unref?(): unknown }
  duplicate(overrides: object): IoredisClient
  call(command: string, args: string[]): Promise<unknown>
  subscribe(...channels: string[]): Promise<unknown>
  disconnect(): void
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

/** node-redis: `createClient`. */
interface NodeRedisClient {
  readonly options?: { readonly socket?: object }
  duplicate(overrides: object): NodeRedisClient
  connect(): Promise<unknown>
  unref(): unknown
  sendCommand(args: string[]): Promise<unknown>
  subscribe(
    channels: string[],
    listener: (message: unknown, channel: string) => void,
  ): Promise<unknown>
  destroy(): unknown
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

/** node-redis: `createClientPool`. */
interface NodeRedisPool {
  execute<Value>(work: (client: NodeRedisClient) => Value): Promise<Value>
}

const INVALIDATIONS = '__redis__:invalidate'
/** A server that takes the connection and answers nothing; milliseconds. */
const OPENING = 5000

/**
 * Resolves once changes of keys under the prefix and messages of the channel are told; undefined where
 * it cannot be had: on a Cluster each server would have to be tracked, and node-redis' Sentinel lends
 * no connection of its own.
 */
export async function openTracking(
  client: RedisClient,
  prefix: string,
  channel: string,
  hear: Hear,
): Promise<TrackingConnection | undefined> {
  const given: unknown = client
  if ('nodeClient' in client || 'acquire' in client) return undefined
  if ('execute' in client) {
    const duplicate = await (given as NodeRedisPool).execute(duplicateOf)
    return overNodeRedis(duplicate, prefix, channel, hear)
  }
  if (!('duplicate' in client)) return undefined
  if (!('call' in client))
    return overNodeRedis(duplicateOf(given as NodeRedisClient), prefix, channel, hear)
  const ioredis = given as IoredisClient
  return ioredis.isCluster ? undefined : overIoredis(ioredis, prefix, channel, hear)
}

async function overIoredis(
  client: IoredisClient,
  prefix: string,
  channel: string,
  hear: Hear,
): Promise<TrackingConnection> {
  const keyPrefix = String(client.options?.keyPrefix ?? '')
  const connection = client.duplicate({
    protocol: 2,
    lazyConnect: false,
    enableOfflineQueue: true,
    autoResubscribe: false,
    retryStrategy: null,
  })
  let cause: unknown
  connection.on('error', (error) => (cause = error))
  connection.on('end', () => hear.lost(cause))
  // Whoever forgets sessions.close() has a process that ends all the same.
  connection.on('connect', () => connection.stream?.unref?.())
  connection.on('message', (from, message) => {
    // ioredis makes one text of the list of keys. In names of ours there is no comma, but one may stand in front.
    if (from !== INVALIDATIONS) hear.message(String(message))
    else if (message === '' || keyPrefix.includes(',')) hear.keys(undefined)
    else {
      const keys = String(message).split(',')
      hear.keys(keyPrefix === '' ? keys : keys.map((key) => key.slice(keyPrefix.length)))
    }
  })
  const send = ([name = '', ...args]: string[]): Promise<unknown> => connection.call(name, args)
  const close = (): void => connection.disconnect()
  return opened(close, async () => {
    await track(send, keyPrefix + prefix)
    await connection.subscribe(INVALIDATIONS, channel)
  })
}

function duplicateOf(client: NodeRedisClient): NodeRedisClient {
  return client.duplicate({
    RESP: 2,
    // These want RESP3.
    maintNotifications: 'disabled',
    clientSideCache: undefined,
    emitInvalidate: false,
    socket: { ...client.options?.socket, reconnectStrategy: false },
  })
}

async function overNodeRedis(
  connection: NodeRedisClient,
  prefix: string,
  channel: string,
  hear: Hear,
): Promise<TrackingConnection> {
  connection.on('error', (error) => hear.lost(error))
  connection.on('end', () => hear.lost(undefined))
  const close = (): void => {
    try {
      connection.destroy()
    } catch {
      // It was closed already.
    }
  }
  return opened(close, async () => {
    await connection.connect()
    connection.unref()
    await track((args) => connection.sendCommand(args), prefix)
    await connection.subscribe([INVALIDATIONS, channel], (message, from) => {
      if (from !== INVALIDATIONS) hear.message(String(message))
      else hear.keys((message as readonly string[] | null) ?? undefined)
    })
  })
}

async function track(send: (args: string[]) => Promise<unknown>, prefix: string): Promise<void> {
  const self = String(await send(['CLIENT', 'ID']))
  // An empty prefix is that of all keys.
  const under = prefix === '' ? [] : ['PREFIX', prefix]
  await send(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', self, 'BCAST', ...under])
}

/** Leaves no connection behind where the opening fails or takes too long. */
async function opened(close: () => void, open: () => Promise<void>): Promise<TrackingConnection> {
  const timer = setTimeout(close, OPENING)
  try {
    await open()
    return { close }
  } catch (error) {
    close()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
