/** Sessions of koa-session: in a store on Redis, or whole in the cookie. */
import { optionError } from '../core/errors.ts'
import type { FormerRecord, FormerSessions } from '../core/former.ts'
import { koaCookie } from './koa-cookie.ts'
import type { KoaKeys } from './koa-cookie.ts'
import { checkedSource, endKey, leaveKey, parsed, readText, recordOf, removalOf } from './source.ts'
import type { OldCookie, OldData, TextOptions } from './source.ts'

export interface KoaSessionOptions extends TextOptions {
  /** What `app.keys` was; false where the option `signed` was false (never with `inCookie`). */
  readonly keys: KoaKeys | false
  /** What the store put in front of keys; the option `prefix` of koa-session is part of the cookie already. Default `''`. */
  readonly prefix?: string
  /**
   * False: the session ends when the old one would have, whatever is done with it. Default true: with that
   * package each change moved the end, with its options `rolling` and `renew` requests too.
   */
  readonly rolling?: boolean
  /** There was no store: the session travelled in the cookie. Default false. */
  readonly inCookie?: boolean
  /** Name (what `key` was, default `koa.sess`), path and domain of the old cookie. */
  readonly cookie?: OldCookie
}

/**
 * Throws ERR_OPTION.
 *
 * @example
 * createSessions({ store, migrateFrom: [fromKoaSession({ client, keys: app.keys })] })
 */
export function fromKoaSession(options: KoaSessionOptions): FormerSessions {
  const known = ['keys', 'prefix', 'rolling', 'inCookie', 'parse']
  const driver = checkedSource('fromKoaSession', options, known)
  const { prefix = '', inCookie = false, cookie = {}, oldSession } = options
  const { name = 'koa.sess' } = cookie
  if (inCookie && options.keys === false) {
    throw optionError(
      "fromKoaSession: data in a cookie that is not signed can be anybody's; nothing goes on from it.",
    )
  }
  const keyOf = ({ id }: { readonly id: string }): string => prefix + id
  const load: FormerSessions['load'] = async (stamp) => {
    if (inCookie) {
      const text = Buffer.from(stamp.id, 'base64').toString('utf8')
      return readOld(options, parsed(text), undefined)
    }
    const found = await readText(driver, keyOf(stamp))
    return found && readOld(options, parsed(found.text, options.parse), found.remaining)
  }
  return {
    name: 'koa-session',
    read: koaCookie('fromKoaSession', name, options.keys),
    load,
    leave: async (stamp, record, keptFor) => {
      if (!inCookie) await leaveKey(driver, keyOf(stamp), options, record, keptFor)
    },
    end: async (stamp) => {
      if (!inCookie) await endKey(driver, keyOf(stamp), load(stamp))
    },
    isFinal: oldSession === 'delete',
    clear: () => removalOf([name, `${name}.sig`], cookie),
  }
}

/** Its own limit stands in the record; the key lives ten seconds longer. */
function readOld(
  options: KoaSessionOptions,
  stored: OldData | undefined,
  ttl: number | undefined,
): FormerRecord | 'unreadable' | undefined {
  if (!stored) return 'unreadable'
  const { _expire: end, _maxAge: _, _session: __, ...data } = stored
  const remaining = typeof end === 'number' ? end - Date.now() : ttl
  if (remaining !== undefined && remaining <= 0) return undefined
  const persistent = typeof end === 'number'
  return recordOf(options, data, { remaining, isSliding: options.rolling ?? true, persistent })
}
