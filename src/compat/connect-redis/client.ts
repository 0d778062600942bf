/** One way to Redis for the store, over every client that a major of connect-redis has taken. */
import { HandstampError } from '../../core/errors.ts'
import { driverOf } from '../../redis/driver.ts'
import type { RedisClient } from '../../redis/driver.ts'

/**
 * The first argument after the command is its key, if it has one. The command in lower case: of others
 * iovalkey does not know the keys, and so neither their node nor its `keyPrefix`.
 */
export type Send = (args: readonly [string, ...string[]], isReadonly?: boolean) => Promise<unknown>

export interface Port {
  readonly send: Send
  /** A Cluster refuses a command whose keys lie in several slots. */
  readonly isCluster: boolean
  /** What the client puts before each key by itself; not before patterns, and not in replies. */
  readonly keyPrefix: string
  /** For SCAN, which sees the keys of one node: each master. `key` is any key. */
  masters(key: string): Promise<Send[]>
}

/** node_redis 2.8 and 3, 4 with `legacyMode`, and `legacy()` of 5 and 6. */
interface CallbackClient {
  sendCommand(
    command: string,
    args: string[],
    callback: (error: unknown, reply: unknown) => void,
  ): unknown
}

interface IoredisCluster {
  nodes(role: 'master'): object[]
}

interface NodeRedisCluster {
  readonly masters: object[]
  nodeClient(node: object): Promise<object>
}

/** How long a request waits for Redis, in milliseconds: some clients would wait for ever. */
const PATIENCE = 5000

/** Throws ERR_OPTION for what is no client. */
export function portOf(client: object): Port {
  const send = senderOf(client)
  const { options } = client as { options?: { keyPrefix?: string; prefix?: string } }
  const nodes = mastersOf(client)
  return {
    send,
    isCluster: nodes !== undefined,
    keyPrefix: options?.keyPrefix ?? options?.prefix ?? '',
    async masters(key) {
      if (!nodes) return [send]
      // A Cluster knows its nodes as soon as it has answered.
      await send(['mget', key], true)
      return (await nodes()).map(senderOf)
    },
  }
}

function senderOf(client: object): Send {
  const send = isCallbackClient(client) ? overCallbacks(client) : overDriver(client)
  return (args, isReadonly = false) => inTime(send(args, isReadonly))
}

function overDriver(client: object): Send {
  const driver = driverOf(client as RedisClient, true)
  return (args, isReadonly = false) => driver.send(args[1] ?? '', isReadonly, args)
}

function overCallbacks(client: CallbackClient): Send {
  return ([command, ...args]) =>
    new Promise((resolve, reject) => {
      client.sendCommand(command, args, (error, reply) => (error ? reject(error) : resolve(reply)))
    })
}

/** Within the patience, and with an error that carries neither the key nor the data of its command. */
async function inTime(reply: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timeoutError()), PATIENCE)
  })
  try {
    return await Promise.race([reply, late])
  } catch (error) {
    throw error instanceof HandstampError ? error : storeError(error)
  } finally {
    clearTimeout(timer)
  }
}

function isCallbackClient(client: object): client is CallbackClient {
  if (!('sendCommand' in client) || 'call' in client) return false
  const { isOpen, options } = client as { isOpen?: unknown; options?: { legacyMode?: unknown } }
  return typeof isOpen !== 'boolean' || options?.legacyMode === true
}

/** The clients of a Cluster's masters; undefined where there is no Cluster. */
function mastersOf(client: object): (() => Promise<object[]>) | undefined {
  if ('isCluster' in client && client.isCluster === true) {
    const cluster = client as unknown as IoredisCluster
    return async () => cluster.nodes('master')
  }
  if (!('nodeClient' in client)) return undefined
  const cluster = client as NodeRedisCluster
  return () => Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)))
}

function storeError(cause: unknown): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'Redis did not do what the session store asked for; the cause says why.',
    { cause },
  )
}

function timeoutError(): HandstampError {
  return new HandstampError(
    'ERR_STORE_TIMEOUT',
    `Redis did not answer the session store within ${PATIENCE} ms.`,
  )
}
