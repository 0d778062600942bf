/** Sessions of koa-generic-session, kept by koa-redis or koa-session-ioredis. */
import type { FormerSessions } from '../core/former.ts'
import { koaCookie } from './koa-cookie.ts'
import type { KoaKeys } from './koa-cookie.ts'
import { checkedSource, endKey, leaveKey, parsed, readText, recordOf, removalOf } from './source.ts'
import type { OldCookie, TextOptions } from './source.ts'

export interface KoaGenericSessionOptions extends TextOptions {
  /** What `app.keys` was; false where the option `cookie.signed` was false. */
  readonly keys: KoaKeys | false
  /** What `prefix` was. Default `'koa:sess:'`. */
  readonly prefix?: string
  /**
   * False: the session ends when the old one would have, whatever is done with it. Default true: with that
   * package each change moved the end, and with its option `rolling` each request.
   */
  readonly rolling?: boolean
  /** Name (what `key` was, default `koa.sid`), path and domain of the old cookie. */
  readonly cookie?: OldCookie
}

/**
 * Throws ERR_OPTION.
 *
 * @example
 * createSessions({ store, migrateFrom: [fromKoaGenericSession({ client, keys: app.keys })] })
 */
export function fromKoaGenericSession(options: KoaGenericSessionOptions): FormerSessions {
  const driver = checkedSource('fromKoaGenericSession', options, [
    'keys',
    'prefix',
    'rolling',
    'parse',
  ])
  const { prefix = 'koa:sess:', rolling = true, cookie = {}, oldSession } = options
  const { name = 'koa.sid' } = cookie
  const keyOf = ({ id }: { readonly id: string }): string => prefix + id
  const load: FormerSessions['load'] = async (stamp) => {
    const found = await readText(driver, keyOf(stamp))
    if (!found) return undefined
    const stored = parsed(found.text, options.parse)
    if (!stored) return 'unreadable'
    const { cookie: limits, ...data } = stored
    const { maxAge } = (limits ?? {}) as { readonly maxAge?: unknown }
    const persistent = typeof maxAge === 'number'
    return recordOf(options, data, { remaining: found.remaining, isSliding: rolling, persistent })
  }
  return {
    name: 'koa-generic-session',
    read: koaCookie('fromKoaGenericSession', name, options.keys),
    load,
    leave: (stamp, record, keptFor) => leaveKey(driver, keyOf(stamp), options, record, keptFor),
    end: (stamp) => endKey(driver, keyOf(stamp), load(stamp)),
    isFinal: oldSession === 'delete',
    clear: () => removalOf([name, `${name}.sig`], cookie),
  }
}
