/** What all requests of one `createSessions` share: contracts, resolved options, and the way to the store. */
import type { ActivityRules } from './activity.ts'
import type { Clock } from './clock.ts'
import type { Codec } from './codec.ts'
import { HandstampError } from './errors.ts'
import type { SessionEmitter } from './events.ts'
import type { FormerSessions } from './former.ts'
import type { NearCache } from './near-cache.ts'
import type { References } from './references.ts'
import type { GenerateId } from './id.ts'
import type { Device } from './device.ts'
import type { Revocations } from './revocations.ts'
import type { SessionLimit, Store } from './store.ts'
import type { RequestHead, Transport } from './transport.ts'

/** Decides a conflict on one field: gets what was loaded, what another request stored, what this one wrote. */
export type ResolveConflict = (
  field: string,
  values: { readonly base: unknown; readonly theirs: unknown; readonly mine: unknown },
) => unknown

/** A session as hooks see it: its data, whatever their type. */
export type HookSession = Record<string, unknown>

export interface Engine {
  readonly store: Store
  readonly transport: Transport
  readonly clock: Clock
  readonly codec: Codec
  readonly events: SessionEmitter
  readonly generateId: GenerateId
  readonly idleTimeout: number
  readonly absoluteTimeout: number
  /** Undefined: the rule of policy.ts. */
  readonly touchInterval: number | undefined
  readonly persistent: boolean
  readonly rolling: boolean
  readonly maxBytes: number
  readonly storeTimeout: number
  readonly onConflict: 'last-write-wins' | 'error' | ResolveConflict
  readonly limit: SessionLimit | undefined
  readonly references: References
  /** Sessions of other packages that go on as ours. */
  readonly migrateFrom: readonly FormerSessions[]
  /** Undefined: who is active is not noted. */
  readonly activity: ActivityRules | undefined
  readonly revocations: Revocations
  /** Undefined: every request asks the store. */
  readonly nearCache: NearCache | undefined
  /** What is under way without anybody waiting for it. */
  readonly background: Set<Promise<unknown>>
  readonly deviceOf: (request: RequestHead) => Device | undefined
  readonly validate:
    | ((session: HookSession, request: unknown) => boolean | Promise<boolean>)
    | undefined
  readonly beforeSave:
    | ((session: HookSession, request: unknown) => void | Promise<void>)
    | undefined
}

/**
 * Awaits the store, but not for ever: rejects with ERR_STORE_TIMEOUT after `storeTimeout`, and with
 * ERR_STORE for whatever the store throws.
 */
export function ask<Reply>(
  engine: Pick<Engine, 'events' | 'storeTimeout'>,
  operation: string,
  reply: Promise<Reply>,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const fail = (error: HandstampError): void => {
      engine.events.tell('storeFailed', { operation, error })
      reject(error)
    }
    const timer = setTimeout(() => {
      // A reply may lie in the socket while this process was too busy to read it: let one poll pass.
      setImmediate(() => {
        if (isPending) fail(timeoutError(engine.storeTimeout))
      })
    }, engine.storeTimeout)
    let isPending = true
    const settled = (): void => {
      isPending = false
      clearTimeout(timer)
    }
    reply.then(
      (value) => {
        settled()
        resolve(value)
      },
      (cause: unknown) => {
        const late = !isPending
        settled()
        if (!late) fail(storeError(cause))
      },
    )
  })
}

function timeoutError(limit: number): HandstampError {
  return new HandstampError(
    'ERR_STORE_TIMEOUT',
    `The session store did not answer within ${limit} ms (storeTimeout). ` +
      'Whether a write took effect is unknown. Look at the state of Redis and of the connection.',
  )
}

function storeError(cause: unknown): HandstampError {
  if (cause instanceof HandstampError) return cause
  return new HandstampError('ERR_STORE', 'The session store failed; `cause` says how.', { cause })
}
