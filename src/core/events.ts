/** What the engine tells about the life of sessions: typed, without ids or user data. */
import { EventEmitter } from 'node:events'
import type { HandstampError } from './errors.ts'
import type { Handle } from './id.ts'

/** Why what a request brought was not taken as its session. */
export type RejectReason =
  | 'malformed'
  | 'signature'
  | 'ambiguous'
  | 'unknown'
  | 'moved'
  | 'ended'
  | 'validate'
  /** A session of another package that cannot be read, see `migrateFrom`. */
  | 'unreadable'

/** Why a request was refused as a possible forgery: see docs/csrf.md. */
export type CsrfReason =
  | 'cross-site'
  | 'same-site'
  | 'fetch-site'
  | 'origin'
  | 'referer'
  | 'token-missing'
  | 'token-invalid'
  | 'no-session'

/** Who ended a session: another device of its user, an administrator, or the limit of sessions. */
export type RevokedBy = 'user' | 'admin' | 'limit'

/** As other processes tell it: there is no event `destroyed` for them. */
export type EndedBy = RevokedBy | 'owner'

/** Why a change was not written: see docs/events.md. */
export type DropReason = 'gone' | 'moved' | 'ended' | 'head-sent' | 'too-large'

/** Event name → arguments of its listeners. */
export interface SessionEvents {
  created: [{ handle: Handle }]
  regenerated: [{ handle: Handle; successor: Handle }]
  destroyed: [{ handle: Handle }]
  /** A user's session began; `userId` is what the app called the user. */
  signedIn: [{ handle: Handle; userId: string }]
  /**
   * Somebody else than its own request ended a session. `remote`: another process has, by whatever
   * means, its owner's included; told after `sessions.listen()` only, without the user.
   */
  revoked: [{ handle: Handle; userId: string | undefined; by: EndedBy; remote?: true }]
  /** A session of another package went on as ours: `from` names the package. */
  migrated: [{ handle: Handle; userId: string | undefined; from: string }]
  /** Found over its limit when a request brought it. */
  expired: [{ handle: Handle; limit: 'idle' | 'absolute' }]
  rejected: [{ reason: RejectReason; handle?: Handle }]
  /** A stored document that cannot be read; the visitor is anonymous, the key is left for inspection. */
  corrupt: [{ handle: Handle; reason: string }]
  /** Two requests wrote the same field. */
  conflict: [{ handle: Handle; fields: readonly string[] }]
  /** A change that could not be saved and that no code awaited. */
  dropped: [{ handle: Handle | undefined; reason: DropReason }]
  /** A document over half of `maxBytes`. */
  large: [{ handle: Handle; bytes: number; limit: number }]
  /** The app asked caches to keep a response that sets the session cookie; `no-store` was sent instead. */
  cacheConflict: [{ value: string }]
  /** An unsafe request was answered with 403. */
  csrfRefused: [{ reason: CsrfReason }]
  storeFailed: [{ operation: string; error: HandstampError }]
  /** The store failed several times in a row, and is not asked any more. */
  breakerOpened: [{ error: HandstampError }]
  /** It has answered, and is asked again; `openFor` is milliseconds. */
  breakerClosed: [{ openFor: number }]
}

/** An EventEmitter whose listeners cannot harm a request: what one throws, or rejects with, becomes a process warning. */
export class SessionEmitter extends EventEmitter<SessionEvents> {
  constructor() {
    super({ captureRejections: true })
    // Node calls this for a listener that returned a promise which rejected.
    Object.defineProperty(this, EventEmitter.captureRejectionSymbol, { value: warnOfRejection })
  }

  tell<Name extends keyof SessionEvents>(name: Name, event: SessionEvents[Name][0]): void {
    if (this.listenerCount(name) === 0) return
    try {
      ;(this.emit as (name: string, event: unknown) => boolean).call(this, name, event)
    } catch (error) {
      warnOfListener(name, error)
    }
  }
}

function warnOfRejection(error: unknown, name: unknown): void {
  warnOfListener(String(name), error)
}

function warnOfListener(name: string, error: unknown): void {
  const cause = error instanceof Error ? error.message : 'not an Error'
  process.emitWarning(`A listener of the session event '${name}' threw: ${cause}`, {
    code: 'HANDSTAMP_LISTENER',
  })
}
