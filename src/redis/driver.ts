/**
 * The one way to Redis, over whichever client the application has: ioredis and iovalkey (`call`),
 * node-redis (`sendCommand`), each standalone, behind Sentinel, or on a Cluster. Told apart once, by
 * shape; no client is imported here.
 */
import type { ChannelListener, Subscription } from '../core/channel.ts'
import { HandstampError, optionError } from '../core/errors.ts'
import { refusedSubscription, subscribe } from './subscribe.ts'

export interface Driver {
  /** Sends one command; `key` says which node of a Cluster it belongs to. */
  send(key: string, isReadonly: boolean, args: readonly [string, ...string[]]): Promise<unknown>
  /** Hears the messages of a channel, on a connection of its own; never throws. */
  subscribe(channel: string, listener: ChannelListener): Subscription
  /** Commands without a key (WAIT) reach the connection that `key` names. */
  readonly isPinned: boolean
}

/** ioredis 5 and 6, iovalkey: `Redis` and `Cluster`. */
export interface CallClient {
  call(command: string, args: string[]): Promise<unknown>
}

/** node-redis 5 and 6: `createClient`. */
export interface SendClient {
  readonly isOpen: boolean
  sendCommand(args: string[]): Promise<unknown>
}

/** node-redis 5 and 6: `createCluster`. */
export interface SendClusterClient {
  readonly isOpen: boolean
  nodeClient(node: never): unknown
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
  ): Promise<unknown>
}

/** node-redis 5 and 6: `createSentinel`. */
export interface SendSentinelClient {
  readonly isOpen: boolean
  acquire(): unknown
  sendCommand(isReadonly: boolean | undefined, args: string[]): Promise<unknown>
}

export type RedisClient = CallClient | SendClient | SendClusterClient | SendSentinelClient

/** Throws ERR_OPTION for what is no client. */
export function driverOf(client: RedisClient): Driver {
  if (typeof client !== 'object' || client === null) throw notAClient()
  if ('call' in client && typeof client.call === 'function') {
    keepProcessAlive(client)
    return {
      // In lower case: iovalkey finds the keys of other commands not, and so neither their node nor its `keyPrefix`.
      send: (_key, _isReadonly, [command, ...args]) => client.call(command.toLowerCase(), args),
      subscribe: (channel, listener) => subscribe(client, channel, listener),
      // The Cluster of ioredis sends a command without a key to any node.
      isPinned: !('isCluster' in client && client.isCluster === true),
    }
  }
  if (!('sendCommand' in client) || typeof client.sendCommand !== 'function') throw notAClient()
  // node-redis 3 has a sendCommand too, which takes a callback.
  if (typeof client.isOpen !== 'boolean') throw notAClient()
  keepProcessAlive(client)
  const send = senderOf(client)
  return {
    isPinned: !('acquire' in client),
    send: (key, isReadonly, args) =>
      client.isOpen ? send(key, isReadonly, [...args]) : Promise.reject(notConnectedError()),
    subscribe: (channel, listener) =>
      client.isOpen
        ? subscribe(client, channel, listener)
        : refusedSubscription(notConnectedError()),
  }
}

function senderOf(
  client: SendClient | SendClusterClient | SendSentinelClient,
): (key: string, isReadonly: boolean, args: string[]) => Promise<unknown> {
  if ('nodeClient' in client)
    return (key, isReadonly, args) => client.sendCommand(key, isReadonly, args)
  if ('acquire' in client) return (_key, _isReadonly, args) => client.sendCommand(false, args)
  return (_key, _isReadonly, args) => client.sendCommand(args)
}

/** An `error` event that nobody listens to ends the process; a lost connection shows in each reply anyway. */
function keepProcessAlive(client: object): void {
  const { listenerCount, on } = client as {
    listenerCount?: (event: string) => number
    on?: (event: string, listener: () => void) => void
  }
  if (listenerCount?.call(client, 'error') === 0) on?.call(client, 'error', () => undefined)
}

function notAClient(): HandstampError {
  return optionError(
    'What was given is not a client of ioredis, redis (node-redis 5 or later) or iovalkey; redisStore takes a url, too.',
  )
}

function notConnectedError(): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'The Redis client is not connected: node-redis needs `await client.connect()` before the first request.',
  )
}
