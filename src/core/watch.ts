/** Contract: a store tells what has changed in it, whoever changed it. */
import type { Handle } from './id.ts'

export interface WatchListener {
  /** Something has changed under this handle; undefined: under any, or nobody knows. */
  changed(handle: Handle | undefined): void
  /** Changes are not told for now, as far as the store can tell; it tries again by itself. */
  lost(cause: unknown): void
}

/**
 * `changed` comes after the change; how long after, only `completeUntil` says. A store that cannot tell
 * changes leaves it where it was.
 */
export interface Watch {
  /**
   * All changes that were acknowledged before this moment have been told: milliseconds of `elapsed()`.
   * A proof and no estimate; -Infinity until there is one.
   */
  readonly completeUntil: number
  /** From now on nothing is told, and no connection is left behind. Idempotent. */
  close(): void
}
