/** What all requests of one `createSessions` share: contracts, resolved options, and the way to the store. */
import type { ActivityRules } from './activity.ts'
import type { Clock } from './clock.ts'
import type { Codec } from './codec.ts'
import { Waits } from './deadline.ts'
import type { SessionEmitter } from './events.ts'
import type { FormerSessions } from './former.ts'
import type { NearCache } from './near-cache.ts'
import type { References } from './references.ts'
import type { GenerateId } from './id.ts'
import type { Device } from './device.ts'
import type { OnStoreFailure } from './outage.ts'
import type { Revocations } from './revocations.ts'
import type { StoreCalls } from './store-calls.ts'
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
  readonly calls: StoreCalls
  /** Undefined outside of requests. */
  readonly waits?: Waits
  readonly onStoreFailure: OnStoreFailure
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

/** What a call to the store needs of the engine. */
export type Asking = Pick<Engine, 'calls' | 'storeTimeout' | 'waits'>

/**
 * Asks the store, but not for ever: rejects with ERR_STORE_TIMEOUT after `storeTimeout`, which within
 * a request counts for all its calls together, with ERR_STORE_UNAVAILABLE at once where asking is no
 * use, with ERR_CLOSED after `close()`, and with ERR_STORE for whatever the store throws.
 */
export function ask<Reply>(
  engine: Asking,
  operation: string,
  work: () => Promise<Reply>,
): Promise<Reply> {
  return engine.calls.ask(engine, operation, work, false)
}

/** The same for work that may take effect twice, which is the same as once: repeated where that can help. */
export function askAgain<Reply>(
  engine: Asking,
  operation: string,
  work: () => Promise<Reply>,
): Promise<Reply> {
  return engine.calls.ask(engine, operation, work, true)
}

/** Makes, for each request, the engine as that request sees it: with a count of what it has waited. */
export function enginePerRequest(engine: Engine): new () => Engine {
  class EngineOfRequest {
    readonly waits = new Waits()
  }
  // Inherited and not copied: it is made for every request.
  Object.setPrototypeOf(EngineOfRequest.prototype, engine)
  return EngineOfRequest as unknown as new () => Engine
}
