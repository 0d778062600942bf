/**
 * The one way to Redis, over whichever client the application has: ioredis and iovalkey (`call`),
 * node-redis (`sendCommand`), each standalone, behind Sentinel, or on a Cluster. Told apart once, by
 * shape; no client is imported here.
 */
import type { ChannelListener, Subscription } from '../core/channel.ts'
import { optionError } from '../core/errors.ts'
import type { HandstampError } from '../core/errors.ts'
import { openAside } from './aside.ts'
import type { Aside } from './aside.ts'
import { ioredisFacts, nodeRedisFacts } from './client-facts.ts'
import type { ClientFacts } from './client-facts.ts'
import { repliesIn } from './reply.ts'
import { neverConnectedError, opennessOf, readinessOf } from './ready.ts'
import { refusedSubscription, subscribe } from './subscribe.ts'
import { openTracking } from './tracking-connection.ts'
import type { Hear, TrackingConnection } from './tracking-connection.ts'
import { gathering, gatheringSlots } from './turn.ts'

export type Command = readonly [name: string, ...args: string[]]

export interface Driver {
  /** Sends one command; `key` says which node of a Cluster it belongs to. */
  send(key: string, isReadonly: boolean, args: Command): Promise<unknown>
  /** The string under a key; of one server, all that one turn of the event loop asks for at once. */
  get(key: string): Promise<string | null>
  /**
   * Sends a command that names no key (ROLE, WAIT) over the connection that commands on `key` take;
   * resolves to undefined where the client cannot.
   */
  sendAlong(key: string, args: Command): Promise<unknown>
  /** Hears the messages of a channel, on a connection of its own; never throws. */
  subscribe(channel: string, listener: ChannelListener): Subscription
  /** Hears which keys change, on a connection of its own; undefined where the client cannot make one. */
  track(prefix: string, channel: string, hear: Hear): Promise<TrackingConnection | undefined>
  /** A connection of its own, for a while; undefined where the client cannot make one. */
  aside(): Promise<Aside<Driver> | undefined>
  /** How the client is set up, as far as it says. */
  facts(): Promise<ClientFacts>
  /** The keys lie on several servers. */
  readonly isCluster: boolean
}

/** ioredis 5 and 6, iovalkey: `Redis` and `Cluster`. */
export interface CallClient {
  call(command: string, args: string[]): Promise<unknown>
}

/** ioredis and iovalkey. */
interface PipelineClient {
  pipeline(commands: readonly (readonly string[])[]): {
    exec(): Promise<readonly (readonly [error: Error | null, reply: unknown])[] | null>
  }
}

/** node-redis 5 and 6: `createClient`, `createClientPool`. */
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

/**
 * Throws ERR_OPTION for what is no client. Patient: commands are left to the client also while it has no
 * connection, as the replaced packages leave them.
 */
export function driverOf(client: RedisClient, isPatient = false): Driver {
  if (typeof client !== 'object' || client === null) throw notAClient()
  if ('call' in client && typeof client.call === 'function') {
    keepProcessAlive(client)
    const readiness = isPatient ? opennessOf(client) : readinessOf(client)
    const isCluster = 'isCluster' in client && client.isCluster === true
    const call = callerOf(client)
    const send = isCluster ? call : piping(client, call)
    const get = getterOf((_key, command) => call(command), isCluster)
    return {
      isCluster,
      send: (_key, _isReadonly, command) => whenReady(readiness, () => send(command)),
      get: (key) => whenReady(readiness, () => get(key)),
      sendAlong: (key, command) =>
        whenReady(readiness, () => (isCluster ? pipedAlong(client, key, command) : call(command))),
      facts: async () => ioredisFacts(client),
      subscribe: (channel, listener) => subscribe(client, channel, listener),
      track: (prefix, channel, hear) => openTracking(client, prefix, channel, hear),
      aside: () => asideOf(client),
    }
  }
  if (!('sendCommand' in client) || typeof client.sendCommand !== 'function') throw notAClient()
  // node-redis 3 has a sendCommand too, which takes a callback.
  if (typeof client.isOpen !== 'boolean') throw notAClient()
  keepProcessAlive(client)
  const sendTo = senderOf(client)
  const readiness = isPatient ? opennessOf(client) : readinessOf(client)
  const send: Driver['send'] = (key, isReadonly, args) => sendTo(key, isReadonly, [...args])
  const isCluster = 'nodeClient' in client
  const get = getterOf((key, command) => send(key, true, command), isCluster)
  return {
    isCluster,
    send: (key, isReadonly, args) => whenReady(readiness, () => send(key, isReadonly, args)),
    get: (key) => whenReady(readiness, () => get(key)),
    sendAlong: (key, args) => whenReady(readiness, () => send(key, false, args)),
    facts: async () => nodeRedisFacts(client),
    aside: () => asideOf(client),
    track: (prefix, channel, hear) => openTracking(client, prefix, channel, hear),
    subscribe: (channel, listener) =>
      client.isOpen
        ? subscribe(client, channel, listener)
        : refusedSubscription(neverConnectedError()),
  }
}

function whenReady<Reply>(
  readiness: () => Promise<void> | undefined,
  send: () => Promise<Reply>,
): Promise<Reply> {
  const waiting = readiness()
  return waiting ? waiting.then(send) : send()
}

/** On a Cluster two keys are seldom in one slot, as MGET wants them. */
function getterOf(
  send: (key: string, command: Command) => Promise<unknown>,
  isCluster: boolean,
): Driver['get'] {
  const getOne = (key: string): Promise<string | null> =>
    send(key, ['GET', key]) as Promise<string | null>
  if (isCluster) return getOne
  return gatheringSlots(getOne, async (keys) => {
    const [key = ''] = keys
    if (keys.length === 1) return [await getOne(key)]
    return repliesIn(await send(key, ['MGET', ...keys]), keys.length) as (string | null)[]
  })
}

/** In lower case: iovalkey finds the keys of other commands not, and so neither their node nor its `keyPrefix`. */
function callerOf(client: CallClient): (command: Command) => Promise<unknown> {
  return ([name, ...args]) => client.call(name.toLowerCase(), args)
}

/** ioredis writes each command to the socket by itself, which costs both sides more than the command. */
function piping(
  client: CallClient | PipelineClient,
  call: (command: Command) => Promise<unknown>,
): (command: Command) => Promise<unknown> {
  const { options } = client as { options?: { enableAutoPipelining?: boolean } }
  if (!('pipeline' in client) || options?.enableAutoPipelining) return call
  return gathering<Command, unknown>(async (commands) => {
    const [first] = commands
    if (first && commands.length === 1) return [await call(first)]
    const lines = commands.map(([name, ...args]) => [name.toLowerCase(), ...args])
    const replies = (await client.pipeline(lines).exec()) ?? []
    return replies.map(([error, reply]) => error ?? reply)
  })
}

async function asideOf(client: RedisClient): Promise<Aside<Driver> | undefined> {
  const aside = await openAside(client)
  return aside && { ...aside, over: driverOf(aside.over) }
}

/** The Cluster of ioredis sends a command without a key to any node, but a pipeline to the node of its keys. */
async function pipedAlong(
  client: CallClient | PipelineClient,
  key: string,
  command: Command,
): Promise<unknown> {
  if (!('pipeline' in client)) return undefined
  const replies = await client
    .pipeline([
      ['exists', key],
      ['call', ...command],
    ])
    .exec()
  const [error, reply] = replies?.[1] ?? []
  if (error) throw error
  return reply
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
