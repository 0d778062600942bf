/** Users as the store knows them: a hash that names their index and the slot of all their sessions. */
import { hash } from 'node:crypto'
import { HandstampError } from './errors.ts'

declare const userKeyBrand: unique symbol

/** Slot tag and hash of a user id, like a handle: no user id ever becomes part of a key. */
export type UserKey = string & { readonly [userKeyBrand]: true }

/** 126 bits, 18 of them the slot tag; with one character more the key of an index would take 16 bytes more. */
const LENGTH = 21
const MOST_BYTES = 512

/** Throws ERR_USER_ID: a user id is stored with each of the user's sessions, so it is short. */
export function checkedUserId(userId: unknown): string {
  // Of half a pair nothing is left in UTF-8, so different users would be one.
  const isText = typeof userId === 'string' && userId !== '' && !/\p{Surrogate}/u.test(userId)
  if (isText && Buffer.byteLength(userId) <= MOST_BYTES) return userId
  throw new HandstampError(
    'ERR_USER_ID',
    `A user id must be a text of 1 to ${MOST_BYTES} bytes, without half surrogate pairs; give String(id) for a number, and a stable short id, not a record.`,
  )
}

/** The same for the same id, on every server. Any text will do: it is hashed. */
export function userKeyOf(userId: string): UserKey {
  return hash('sha256', `user ${userId}`, 'base64url').slice(0, LENGTH) as UserKey
}
