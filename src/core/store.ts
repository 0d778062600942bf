/**
 * Contract: a store keeps documents by handle and changes each in one atomic step.
 *
 * Outcomes are values; a rejected promise means that the store itself failed. No verb but `create`
 * makes a session, and `create` never overwrites one: what has ended stays ended.
 */
import type { Handle } from './id.ts'

/** One field's change. Texts are encoded values; `''` stands for a field that is absent. */
export interface FieldChange {
  /** The field's name as JSON text, quotes included. */
  readonly name: string
  /** What the writer believes is stored. */
  readonly from: string
  readonly to: string
}

/** The limits of one session. Milliseconds. */
export interface Lifetime {
  readonly idleTimeout: number
  /** Since 1970. */
  readonly absoluteDeadline: number
  /** Whether the cookie outlives the browser. */
  readonly persistent: boolean
}

export interface Patch {
  /** Milliseconds since 1970, by the caller's clock. */
  readonly now: number
  /** Names this write; a document that carries it already has the patch (a resent command). */
  readonly revision: string
  readonly changes: readonly FieldChange[]
  /** Given where the session's limits change. */
  readonly lifetime?: Lifetime
  /** A field is in conflict when its stored value is not `from`: write over it, or write nothing at all. */
  readonly onConflict: 'overwrite' | 'refuse'
  /** No document grows over this many bytes. */
  readonly maxBytes: number
}

export interface Tombstone {
  /** A document that says how the session ended. */
  readonly document: string
  /** How long it is kept, milliseconds. */
  readonly ttl: number
}

export interface Succession {
  readonly successor: Handle
  readonly tombstone: Tombstone
  /**
   * The successor's whole document and its TTL; the patch only says whether the predecessor is live.
   * Without it, the predecessor's with the patch applied.
   */
  readonly fresh?: { readonly document: string; readonly ttl: number }
}

export interface Increment {
  readonly now: number
  readonly revision: string
  /** JSON text, as in FieldChange. */
  readonly name: string
  readonly by: number
  readonly maxBytes: number
}

export type UpdateOutcome =
  | { readonly kind: 'updated'; readonly conflicts: readonly string[] }
  /** Nothing was written; the document as it stands now. */
  | { readonly kind: 'conflict'; readonly document: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'gone' }

/** Something stands under the successor's handle already. */
export interface Taken {
  readonly kind: 'taken'
}

export type IncrementOutcome =
  | { readonly kind: 'incremented'; readonly value: number }
  | { readonly kind: 'not-integer' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'gone' }

export interface Store {
  /** The document under the handle, whatever it holds; undefined where there is none. */
  load(handle: Handle): Promise<string | undefined>
  /** Writes a new document that leaves by itself after `ttl` ms. `taken`: another one stands there. */
  create(handle: Handle, document: string, ttl: number): Promise<'created' | 'taken'>
  /** Applies the patch to a live session, moves its idle limit, never beyond the absolute one. */
  update(handle: Handle, patch: Patch): Promise<UpdateOutcome>
  /** Adds to one field holding an integer (absent counts as 0). */
  increment(handle: Handle, increment: Increment): Promise<IncrementOutcome>
  /** Moves the idle limit only; the data and the revision stay. */
  touch(handle: Handle, now: number): Promise<'touched' | 'gone'>
  /** Ends a live session and makes its successor (of the same slot tag) in one step. */
  regenerate(handle: Handle, patch: Patch, succession: Succession): Promise<UpdateOutcome | Taken>
  /** Removes whatever is under the handle; a live session leaves the tombstone. Idempotent. */
  end(handle: Handle, tombstone: Tombstone): Promise<'ended' | 'absent'>
  close(): Promise<void>
}
