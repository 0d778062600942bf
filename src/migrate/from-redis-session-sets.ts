/** Sessions of koa-redis-session-sets: hashes of texts. */
import type { FormerSessions } from '../core/former.ts'
import { koaCookie } from './koa-cookie.ts'
import type { KoaKeys } from './koa-cookie.ts'
import { checkedSource, leaveKey, readHash, recordOf, removalOf } from './source.ts'
import type { OldCookie, SourceOptions } from './source.ts'

export interface RedisSessionSetsOptions extends SourceOptions {
  /** What `app.keys` was; false where the option `signed` was false. */
  readonly keys: KoaKeys | false
  /** What `prefix` was, or `koa-redis-session-sets:<namespace>`. Default `''`. */
  readonly prefix?: string
  /** What `references` was: a sign-out removes the session from these sets too. */
  readonly references?: readonly string[] | Readonly<Record<string, unknown>>
  /** Name (what `key` was, default `session-id`), path and domain of the old cookie. */
  readonly cookie?: OldCookie
}

/**
 * Throws ERR_OPTION. Field values were texts, and stay so; `convert` makes numbers of them.
 *
 * @example
 * createSessions({ store, migrateFrom: [fromRedisSessionSets({ client, keys: app.keys, userOf: (data) => data.user_id })] })
 */
export function fromRedisSessionSets(options: RedisSessionSetsOptions): FormerSessions {
  const driver = checkedSource('fromRedisSessionSets', options, ['keys', 'prefix', 'references'])
  const { prefix = '', references = [], cookie = {}, oldSession } = options
  const { name = 'session-id' } = cookie
  const names: readonly string[] = Array.isArray(references) ? references : Object.keys(references)
  const keyOf = ({ id }: { readonly id: string }): string => `${prefix}:{${id}}`
  return {
    name: 'koa-redis-session-sets',
    read: koaCookie('fromRedisSessionSets', name, options.keys),
    load: async (stamp) => {
      const found = await readHash(driver, keyOf(stamp))
      if (found === undefined || found === 'unreadable') return found
      const { id: _, _csrf_secret: __, ...data } = Object.fromEntries(found.fields)
      const life = { remaining: found.remaining, isSliding: true, persistent: true }
      return recordOf(options, data, life)
    },
    leave: (stamp, record, keptFor) => leaveKey(driver, keyOf(stamp), options, record, keptFor),
    end: async (stamp) => {
      const key = keyOf(stamp)
      const found = await readHash(driver, key)
      if (found === undefined || found === 'unreadable') return
      await driver.send(key, false, ['DEL', key])
      for (const field of names) {
        const value = found.fields.get(field)
        if (value === undefined) continue
        const set = `${prefix}:${field}:{${value}}`
        await driver.send(set, false, ['SREM', set, stamp.id])
      }
    },
    isFinal: oldSession === 'delete',
    clear: () => removalOf([name, `${name}.sig`], cookie),
  }
}
