/** The names of keys in Redis; docs/data-in-redis.md lists them for people. */
import { hash } from 'node:crypto'
import { optionError } from '../core/errors.ts'
import { asHandle, tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import type { ReferenceKey } from '../core/references.ts'
import type { Admission } from '../core/store.ts'
import type { UserKey } from '../core/user.ts'

/** Where a session's document lies: its slot tag, in braces for Redis Cluster, then the hash of its id. */
export function sessionKey(prefix: string, handle: Handle): string {
  const tag = tagOf(handle)
  return `${prefix}{${tag}}:${handle.slice(tag.length)}`
}

/** The handle of a document's key, undefined where it is a key of something else. */
export function handleOfKey(prefix: string, key: string): Handle | undefined {
  const at = prefix.length
  if (!key.startsWith('{', at) || !key.startsWith('}:', at + 4)) return undefined
  return asHandle(key.slice(at + 1, at + 4) + key.slice(at + 6))
}

/** The part of a handle that the names of a slot's sessions differ by, and that an index holds. */
export function memberOf(handle: Handle): string {
  return handle.slice(tagOf(handle).length)
}

/** Where the index of a user lies, in the slot of the user's sessions. */
export function indexKey(prefix: string, owner: UserKey): string {
  const tag = tagOf(owner)
  return `${prefix}{${tag}}:u:${owner.slice(tag.length)}`
}

/** Where it is settled which session goes on from one of another package. */
export function pinKey(prefix: string, name: string): string {
  return `${prefix}{${name.slice(0, 3)}}:p:${name.slice(3)}`
}

/** Where the mark lies that all sessions of a user were revoked, those of other packages included. */
export function barKey(prefix: string, owner: UserKey): string {
  return `${prefix}{${tagOf(owner)}}:b:${owner.slice(3)}`
}

/** The keys of taking over a session of another package: its own, its mark, and index and bar of its user. */
export function adoptionKeys(
  prefix: string,
  handle: Handle,
  owner: UserKey | undefined,
): readonly [string, ...string[]] {
  const [key, ...index] = keysOf(prefix, handle, owner)
  const mark = `${prefix}{${tagOf(handle)}}:m:${memberOf(handle)}`
  return owner ? [key, mark, ...index, barKey(prefix, owner)] : [key, mark]
}

/** The keys of an operation on a session: its own, and the index of its user. */
export function keysOf(
  prefix: string,
  handle: Handle,
  owner: UserKey | undefined,
): readonly [string, ...string[]] {
  const key = sessionKey(prefix, handle)
  return owner ? [key, indexKey(prefix, owner)] : [key]
}

/** The keys of an admission: the session and its user's index, then what the session before leaves. */
export function admissionKeys(
  prefix: string,
  handle: Handle,
  { owner, before }: Pick<Admission, 'owner' | 'before'>,
): readonly [string, ...string[]] {
  const [key, ...index] = keysOf(prefix, handle, owner)
  if (!before) return [key, ...index]
  const isHere = tagOf(before.handle) === tagOf(owner)
  const left = isHere
    ? keysOf(prefix, before.handle, before.owner)
    : [`${prefix}{${tagOf(owner)}}:o:${before.handle}`]
  return [key, ...index, ...left]
}

/** What is written for a moment to see whether it reaches the replicas. */
export function markerKey(prefix: string, tag: string, name: string): string {
  return `${prefix}{${tag}}:c:${name}`
}

/** Where the notes of a reference lie; not in the slot of the sessions that they name. */
export function referenceIndexKey(prefix: string, reference: ReferenceKey): string {
  return `${prefix}{${reference.slice(0, 3)}}:r:${reference.slice(3)}`
}

/** The activity lies in as many parts as there are first characters of slot tags. */
export const SHARDS: readonly string[] = [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
]

/** The same for a user and all of their sessions, since these share the slot tag. */
export function shardOf(name: Handle | UserKey): string {
  return name.slice(0, 1)
}

/** Where the names of the namespaces of a shard lie; their sets lie in its slot too. */
export function namespacesKey(prefix: string, shard: string): string {
  return `${prefix}{a${shard}}:a`
}

/** Where those lie that were seen in a namespace. */
export function activityKey(namespaces: string, name: string, of: 'sessions' | 'users'): string {
  return `${namespaces}:${name}:${of === 'sessions' ? 's' : 'u'}`
}

/** The namespace where it is plain, or its hash; no other text ever becomes part of a key. */
export function namespaceName(namespace: string): string {
  if (/^[\w.-]{1,64}$/.test(namespace)) return namespace
  return `~${hash('sha256', namespace, 'base64url').slice(0, 22)}`
}

/** The channel on which processes tell each other of ended sessions. */
export function revokedChannel(prefix: string): string {
  return `${prefix}revoked`
}

/** The channel on which a process sends itself proofs that its near cache hears of changes. */
export function beatChannel(prefix: string, name: string): string {
  return `${prefix}beat:${name}`
}

/** Throws ERR_OPTION: braces would move the slot, commas and spaces break what lists keys. */
export function checkedPrefix(prefix: string): string {
  if (typeof prefix === 'string' && /^[\w:.-]{0,64}$/.test(prefix)) return prefix
  throw optionError(
    "prefix must be at most 64 letters, digits or any of ':._-', for example 'hs:'.",
  )
}
