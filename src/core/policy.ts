/** When a session ends and when it is due for a touch: pure arithmetic on its document. */
import type { Meta } from './document.ts'

export type Judgement = 'live' | 'idle-expired' | 'absolute-expired'

/**
 * The limits count from the document, never from the TTL of a key, which is only garbage collection
 * (OWASP ASVS 5.0, 7.3.1 and 7.3.2).
 */
export function judge(meta: Meta, now: number): Judgement {
  if (now >= meta.absoluteDeadline) return 'absolute-expired'
  return now >= meta.lastSeenAt + meta.idleTimeout ? 'idle-expired' : 'live'
}

/** The earlier of the two limits; milliseconds since 1970. */
export function expiryOf(meta: Meta): number {
  return Math.min(meta.lastSeenAt + meta.idleTimeout, meta.absoluteDeadline)
}

/** When the user last proved who they are; undefined where nobody knows (a session of another package). */
export function signedInAtOf({ signIn }: Meta): Date | undefined {
  return signIn && signIn.at > 0 ? new Date(signIn.at) : undefined
}

/** What is left for the store's garbage collection, at least 1 ms: 0 would mean "for ever" to some stores. */
export function ttlOf(meta: Meta, now: number): number {
  return Math.max(1, expiryOf(meta) - now)
}

/**
 * Reads are far more frequent than this, so a read costs no write: by default a touch is due when a
 * tenth of the idle timeout has passed, at least a minute, at most half of the idle timeout.
 */
export function touchIntervalOf(idleTimeout: number): number {
  return Math.min(Math.max(60_000, idleTimeout / 10), idleTimeout / 2)
}

export function isTouchDue(meta: Meta, touchInterval: number | undefined, now: number): boolean {
  return now - meta.lastSeenAt >= intervalOf(meta, touchInterval)
}

/**
 * Whether a session that is written again has to be noted as active: once per interval, counted from
 * its creation. A session that writes all the time is never due for a touch.
 */
export function isNoteDue(meta: Meta, touchInterval: number | undefined, now: number): boolean {
  const { createdAt, lastSeenAt } = meta
  const interval = intervalOf(meta, touchInterval)
  return Math.floor((lastSeenAt - createdAt) / interval) < Math.floor((now - createdAt) / interval)
}

function intervalOf({ idleTimeout }: Meta, touchInterval: number | undefined): number {
  if (touchInterval === undefined) return touchIntervalOf(idleTimeout)
  return Math.min(touchInterval, idleTimeout / 2)
}
