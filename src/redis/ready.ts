/**
 * Nothing is sent over a connection that is not there: a client would keep the command, for as long as
 * the outage lasts, and send it when nobody waits for it any more.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { HandstampError } from '../core/errors.ts'

/** How long a command waits for a connection that was lost, and for the first one; milliseconds. */
const LOST = 50
const FIRST = 200
const LOOK = 5

/** ioredis and iovalkey say `status`, node-redis `isOpen` and `isReady`. */
interface Conditioned {
  readonly status?: unknown
  readonly isOpen?: unknown
  readonly isReady?: unknown
}

/** Undefined where the client is connected; otherwise resolves when it is, or rejects with ERR_STORE. */
export function readinessOf(client: object): () => Promise<void> | undefined {
  const { status, isReady }: Conditioned = client
  const given: Conditioned = client
  if (typeof status === 'string') {
    // 'wait' is a lazy client, which connects with the first command.
    return gate(() => given.status === 'ready' || given.status === 'wait')
  }
  if (typeof isReady === 'boolean') return gate(() => given.isReady === true, given)
  // A pool of node-redis hands its commands to whoever is free.
  return opennessOf(given)
}

/** Rejects only where the client was never connected, or was closed. */
export function opennessOf(client: object): () => Promise<void> | undefined {
  const given: Conditioned = client
  return () => (given.isOpen === false ? Promise.reject(neverConnectedError()) : undefined)
}

function gate(isReady: () => boolean, opened?: Conditioned): () => Promise<void> | undefined {
  let limit = FIRST
  let waiting: Promise<void> | undefined
  /** One that waits for all. */
  const wait = async (): Promise<void> => {
    try {
      for (let waited = 0; waited < limit; waited += LOOK) {
        await pause(LOOK)
        if (isReady()) return
      }
    } finally {
      waiting = undefined
    }
    throw notConnectedError()
  }
  return () => {
    if (isReady()) {
      limit = LOST
      return undefined
    }
    if (opened?.isOpen === false) return Promise.reject(neverConnectedError())
    waiting ??= wait()
    return waiting
  }
}

function notConnectedError(): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'The Redis client has no connection to Redis at the moment. Look at Redis, at the network, and at the error events of the client.',
  )
}

export function neverConnectedError(): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'The Redis client is not connected: node-redis needs `await client.connect()` before the first request.',
  )
}
