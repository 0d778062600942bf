/** Contract: sightings of sessions and users, kept for a while, so that those of late can be counted. */
import type { Handle } from './id.ts'
import type { UserKey } from './user.ts'

/** That a session was seen, and with it its user. */
export interface Sighting {
  readonly handle: Handle
  /** Absent for an anonymous session. */
  readonly owner?: UserKey | undefined
  /** Any text but the empty one. */
  readonly namespace: string
  /** Milliseconds since 1970. */
  readonly seenAt: number
  /** How long it is of interest, milliseconds. */
  readonly keep: number
}

/** A user whose last session has ended. */
export interface Departure {
  readonly owner: UserKey
  /** A sighting later than this says that they are back. Milliseconds since 1970. */
  readonly seenBy: number
}

export interface Active {
  readonly sessions: number
  readonly users: number
  /** The sessions seen last, the latest first. */
  readonly recent: readonly Handle[]
}

/** Sightings, apart by namespace; nothing covers a sighting and its session in one step. */
export interface ActivityStore {
  /**
   * Notes a sighting; an earlier one never replaces a later one. What is older than `keep` need not
   * be known any more, and leaves by itself even where nothing is noted after it.
   */
  note(sighting: Sighting): Promise<void>
  /** Forgets sessions in every namespace, and a user who has left. What was never seen is no error. */
  forget(handles: readonly Handle[], departure?: Departure): Promise<void>
  /** How many were seen at that time or later, and the latest `most` of the sessions. */
  since(namespace: string, since: number, most: number): Promise<Active>
}
