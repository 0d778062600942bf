/**
 * How each client subscribes to a channel. ioredis, iovalkey and node-redis' single client lend a
 * duplicate of their connection, because a subscribed one takes no other commands under RESP2; the
 * cluster and the sentinel of node-redis keep a connection for it themselves. All of them connect
 * again by themselves and by the settings of the application's client.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { ChannelListener, Subscription } from '../core/channel.ts'
import { HandstampError, optionError } from '../core/errors.ts'
import type { Driver, RedisClient } from './driver.ts'

type On = (event: string, listener: (...args: unknown[]) => void) => unknown

/** ioredis and iovalkey: `Redis` and `Cluster`. */
interface IoredisClient {
  readonly isCluster?: boolean
  duplicate(...overrides: unknown[]): IoredisClient
  subscribe(channel: string): Promise<unknown>
  disconnect(): void
  on: On
}

/** node-redis: `createClient`. */
interface NodeRedisClient {
  duplicate(): NodeRedisClient
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>
  destroy(): unknown
  on: On
}

/** node-redis: `createCluster`, `createSentinel`. */
interface NodeRedisGroup {
  readonly isOpen: boolean
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (text: string) => void): Promise<unknown>
}

/** A connection that is cut cannot unsubscribe; nobody is to wait for it. */
const PATIENCE = 500

/** Never throws: what goes wrong is in `ready`. */
export function subscribe(
  client: RedisClient,
  channel: string,
  listener: ChannelListener,
): Subscription {
  const given: unknown = client
  if ('nodeClient' in client || 'acquire' in client) {
    return overGroup(given as NodeRedisGroup, channel, listener)
  }
  if (!('duplicate' in client)) return refusedSubscription(cannotSubscribeError())
  if ('call' in client) return overIoredis(given as IoredisClient, channel, listener)
  return overNodeRedis(given as NodeRedisClient, channel, listener)
}

function overIoredis(
  client: IoredisClient,
  channel: string,
  listener: ChannelListener,
): Subscription {
  // Subscribed anew by hand below: what ioredis does by itself rejects without anybody to notice.
  const options = { lazyConnect: false, autoResubscribe: false }
  const connection = client.isCluster
    ? client.duplicate([], { lazyConnect: false })
    : client.duplicate(options)
  const state = new State(listener)
  connection.on('error', (error) => state.failed(error))
  connection.on('message', (from, text) => from === channel && state.message(String(text)))
  connection.on('ready', () => {
    connection.subscribe(channel).then(
      () => state.up(),
      (error: unknown) => state.refused(error),
    )
  })
  connection.on('close', () => state.lost())
  connection.on('end', () => state.refused())
  return {
    ready: state.ready,
    close: async () => {
      state.close()
      connection.disconnect()
    },
  }
}

function overNodeRedis(
  client: NodeRedisClient,
  channel: string,
  listener: ChannelListener,
): Subscription {
  const connection = client.duplicate()
  const state = new State(listener)
  connection.on('error', (error) => {
    state.failed(error)
    state.lost()
  })
  let isSubscribed = false
  // From then on the client subscribes anew by itself, before it says that it is ready.
  connection.on('ready', () => isSubscribed && state.up())
  connection
    .connect()
    .then(() => connection.subscribe(channel, (text) => state.message(text)))
    .then(
      () => {
        isSubscribed = true
        state.up()
      },
      (error: unknown) => state.refused(error),
    )
  return {
    ready: state.ready,
    close: async () => {
      state.close()
      try {
        connection.destroy()
      } catch {
        // It was closed already.
      }
    },
  }
}

function overGroup(
  client: NodeRedisGroup,
  channel: string,
  listener: ChannelListener,
): Subscription {
  const state = new State(listener)
  const hear = (text: string): void => state.message(text)
  client.subscribe(channel, hear).then(
    () => state.up(),
    (error: unknown) => state.refused(error),
  )
  return {
    ready: state.ready,
    close: async () => {
      if (!state.close() || !client.isOpen) return
      const ended = client.unsubscribe(channel, hear).catch(() => undefined)
      await Promise.race([ended, pause(PATIENCE, undefined, { ref: false })])
    },
  }
}

/** Over a driver that is still being made. */
export function subscribeLater(
  opening: Promise<Pick<Driver, 'subscribe'>>,
  channel: string,
  listener: ChannelListener,
): Subscription {
  let isClosed = false
  const subscription = opening.then((driver) =>
    isClosed ? refusedSubscription(closedError()) : driver.subscribe(channel, listener),
  )
  const ready = subscription.then((opened) => opened.ready)
  ready.catch(() => undefined)
  return {
    ready,
    close: async () => {
      isClosed = true
      await (await subscription.catch(() => undefined))?.close()
    },
  }
}

/** A subscription that never was. */
export function refusedSubscription(reason: HandstampError): Subscription {
  const ready = Promise.reject(reason)
  ready.catch(() => undefined)
  return { ready, close: async () => undefined }
}

/** What is known of a subscription, and who is told of it. */
class State {
  readonly ready: Promise<void>
  readonly #listener: ChannelListener
  #isUp = false
  #isClosed = false
  #cause: unknown
  #resolve: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(listener: ChannelListener) {
    this.#listener = listener
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.ready.catch(() => undefined)
  }

  up(): void {
    this.#isUp = true
    this.#cause = undefined
    this.#resolve()
  }

  message(text: string): void {
    if (!this.#isClosed) this.#listener.message(text)
  }

  /** Something went wrong, which may turn out to be why the connection is lost. */
  failed(cause: unknown): void {
    this.#cause = cause
  }

  /** The connection is cut, and the client makes it again. */
  lost(): void {
    if (this.#isUp && !this.#isClosed) this.#listener.lost(this.#cause)
    this.#isUp = false
  }

  /** The server said no, or the client has given up. */
  refused(cause: unknown = this.#cause): void {
    this.#cause = cause
    this.#reject(cause)
    this.lost()
  }

  /** False where it was closed before. */
  close(): boolean {
    if (this.#isClosed) return false
    this.#isClosed = true
    this.#reject(closedError())
    return true
  }
}

function cannotSubscribeError(): HandstampError {
  return optionError(
    'This Redis client cannot subscribe: it has no duplicate(). Give redisStore the client itself, or a url.',
  )
}

function closedError(): HandstampError {
  return new HandstampError('ERR_CLOSED', 'The listening was ended before it began.')
}
