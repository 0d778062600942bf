/**
 * Contract: a store keeps documents by handle and changes each in one atomic step.
 *
 * Outcomes are values; a rejected promise means that the store itself failed. No verb but `create`
 * makes a session, and `create` never overwrites one: what has ended stays ended.
 */
import type { ActivityStore } from './activity-store.ts'
import type { Channel } from './channel.ts'
import type { Device } from './device.ts'
import type { Handle } from './id.ts'
import type { ReferenceKey } from './references.ts'
import type { StoreHealth } from './store-health.ts'
import type { UserKey } from './user.ts'
import type { Watch, WatchListener } from './watch.ts'

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
  /** Absent for an anonymous session. */
  readonly signIn?: SignIn
}

/** Who a session belongs to, and since when. */
export interface SignIn {
  readonly userId: string
  /** When the user last proved who they are; milliseconds since 1970. */
  readonly at: number
  readonly device?: Device
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
  /** About how long the document is, characters: says how much work the patch is. */
  readonly size?: number
  /** Whose session it is: the user's index is kept true in the same step. */
  readonly owner?: UserKey | undefined
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
  readonly owner?: UserKey | undefined
}

/** How many live sessions a user may have, and what happens beyond. */
export interface SessionLimit {
  readonly most: number
  readonly beyond: 'evict-oldest' | 'evict-idle' | 'reject'
}

export interface Admission {
  readonly owner: UserKey
  readonly document: string
  readonly ttl: number
  readonly now: number
  readonly limit?: SessionLimit
  /** The session that gives way to this one. */
  readonly before?: GivingWay | undefined
}

/** A live session that another one takes the place of. */
export interface GivingWay {
  readonly handle: Handle
  readonly owner: UserKey | undefined
  readonly tombstone: Tombstone
}

export type AdmitOutcome =
  | {
      readonly kind: 'admitted'
      readonly evicted: readonly Handle[]
      /** What gave way in the same step; undefined where it lies elsewhere, and has to be claimed. */
      readonly replaced?: string | undefined
    }
  | { readonly kind: 'rejected' }
  /** The session before has ended, or gives way to another one of this user. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'taken' }

/** A stretch of a user's live sessions, those that end last first. */
export interface IndexPage {
  readonly now: number
  readonly offset: number
  readonly count: number
}

/** A live session's handle and the first line of its document. */
export interface IndexEntry {
  readonly handle: Handle
  readonly metaLine: string
}

export interface Note {
  readonly handle: Handle
  readonly notedAt: number
}

export interface ListedPage {
  readonly entries: readonly IndexEntry[]
  /** More entries stand behind this page. */
  readonly isFull: boolean
}

/** Which sessions of a user to end: the one that is named, or a batch of all but one. */
export type Ending =
  | { readonly only: Handle; readonly userId: string }
  | { readonly except: Handle | undefined; readonly most: number }

export interface Ended {
  readonly handles: readonly Handle[]
  /** The batch had all there were: at that instant no other session was left. */
  readonly isLast: boolean
}

/** A session that goes on from one of another package. */
export interface Adoption {
  /** How long it stays known that it was written. */
  readonly markTtl: number
  readonly document: string
  readonly ttl: number
  readonly now: number
  readonly owner: UserKey | undefined
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
  /**
   * Settles on the handle of the session that goes on from one of another package, or looks which one
   * it was before; keeps that in mind for at least `ttl` ms. `name` is 25 characters of base64url.
   */
  pin(name: string, handle: Handle | undefined, ttl: number): Promise<Handle | undefined>
  /** As `create`, if the session was never written before, and its user is not barred. */
  adopt(handle: Handle, adoption: Adoption): Promise<'adopted' | 'known'>
  /** Applies the patch to a live session, moves its idle limit, never beyond the absolute one. */
  update(handle: Handle, patch: Patch): Promise<UpdateOutcome>
  /** Adds to one field holding an integer (absent counts as 0). */
  increment(handle: Handle, increment: Increment): Promise<IncrementOutcome>
  /** Moves the idle limit only; the data and the revision stay. */
  touch(handle: Handle, now: number, owner?: UserKey): Promise<'touched' | 'gone'>
  /** Ends a live session and makes its successor (of the same slot tag) in one step. */
  regenerate(handle: Handle, patch: Patch, succession: Succession): Promise<UpdateOutcome | Taken>
  /** Removes whatever is under the handle; a live session leaves the tombstone, if one is given. Idempotent. */
  end(
    handle: Handle,
    tombstone: Tombstone | undefined,
    owner?: UserKey,
  ): Promise<'ended' | 'absent'>
  /**
   * As `end`, and hands over the document for the session that follows: '' for a resent command whose
   * first reply had it, undefined where no session was live.
   */
  claim(
    handle: Handle,
    tombstone: Tombstone,
    now: number,
    owner?: UserKey,
  ): Promise<string | undefined>
  /** The sessions of users. */
  readonly users: UserStore
  /** Sessions by the values of fields. */
  readonly references: ReferenceStore
  /** Who was seen lately. */
  readonly activity: ActivityStore
  /** Word of ended sessions, from process to process. */
  readonly revocations: Channel
  /**
   * Tells of changes from now on, and proves about every `interval` ms that all were told. Left out by a
   * store that cannot.
   */
  watch?(listener: WatchListener, interval: number): Watch
  /** How the store is. */
  readonly health?: StoreHealth
  close(): Promise<void>
}

/** An index per user, changed in the same step as the sessions it names. */
export interface UserStore {
  /** Writes a user's new session, notes it in the index and holds the limit, in one step. */
  admit(handle: Handle, admission: Admission): Promise<AdmitOutcome>
  /** A page of a user's live sessions; entries whose session is no more are removed on the way. */
  list(owner: UserKey, page: IndexPage): Promise<ListedPage>
  /** How many live sessions the index of a user holds; removes what has expired, or is no more. */
  count(owner: UserKey, now: number): Promise<number>
  /** Ends sessions of a user, index and all, one or a batch of them. */
  end(owner: UserKey, ending: Ending): Promise<Ended>
  /** For so long no session of another package goes on as one of this user. */
  bar(owner: UserKey, ttl: number): Promise<unknown>
  /**
   * Whether replicas have the end of these sessions; undefined where there is none, or no telling.
   * Bounded: it takes no longer than 50 ms, and nothing else waits for it.
   */
  confirm(ended: readonly Handle[]): Promise<boolean | undefined>
}

/** Notes of sessions under references; nothing covers a note and its session in one step. */
export interface ReferenceStore {
  /** Notes a session under a reference, for at most `ttl` ms. */
  note(reference: ReferenceKey, handle: Handle, now: number, ttl: number): Promise<void>
  /** When the session was last noted there; each note is later than the one before. */
  notedAt(reference: ReferenceKey, handle: Handle): Promise<number | undefined>
  /** Removes the note of that time; a later one stays. Without a time any note goes. */
  forget(reference: ReferenceKey, handle: Handle, notedAt?: number): Promise<void>
  /** A stretch of the notes, from one of its ends; whether each still holds is for the caller to see. */
  page(
    reference: ReferenceKey,
    first: 'latest' | 'earliest',
    offset: number,
    count: number,
  ): Promise<readonly Note[]>
}
