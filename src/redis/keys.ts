/** The names of keys in Redis; docs/data-in-redis.md lists them for people. */
import { optionError } from '../core/errors.ts'
import { tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'

/** Where a session's document lies: its slot tag, in braces for Redis Cluster, then the hash of its id. */
export function sessionKey(prefix: string, handle: Handle): string {
  const tag = tagOf(handle)
  return `${prefix}{${tag}}:${handle.slice(tag.length)}`
}

/** Throws ERR_OPTION: braces would move the slot, commas and spaces break what lists keys. */
export function checkedPrefix(prefix: string): string {
  if (typeof prefix === 'string' && /^[\w:.-]{0,64}$/.test(prefix)) return prefix
  throw optionError(
    "prefix must be at most 64 letters, digits or any of ':._-', for example 'hs:'.",
  )
}
