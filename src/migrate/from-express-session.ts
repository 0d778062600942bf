/** Sessions of express-session, kept by connect-redis (or handstamp/compat/connect-redis). */
import { unsign } from 'cookie-signature'
import { optionError } from '../core/errors.ts'
import type { FormerSessions } from '../core/former.ts'
import { cookieValues } from '../http/cookie-values.ts'
import { checkedSource, endKey, leaveKey, parsed, readText, recordOf, removalOf } from './source.ts'
import type { OldCookie, TextOptions } from './source.ts'

export interface ExpressSessionOptions extends TextOptions {
  /** What `secret` was: of several, each verifies. */
  readonly secret: string | Buffer | readonly (string | Buffer)[]
  /** What `prefix` of connect-redis was. Default `'sess:'`. */
  readonly prefix?: string
  /** Name (default `connect.sid`), path and domain of the old cookie. */
  readonly cookie?: OldCookie
}

/**
 * Throws ERR_OPTION.
 *
 * @example
 * createSessions({
 *   store: redisStore({ client }),
 *   migrateFrom: [fromExpressSession({ client, secret, userOf: (data) => data.passport?.user })],
 * })
 */
export function fromExpressSession(options: ExpressSessionOptions): FormerSessions {
  const driver = checkedSource('fromExpressSession', options, ['secret', 'prefix', 'parse'])
  const { prefix = 'sess:', cookie = {}, oldSession } = options
  const { name = 'connect.sid' } = cookie
  const secrets = [options.secret].flat()
  if (secrets.length === 0 || !secrets.every((secret) => secret?.length > 0)) {
    throw optionError('fromExpressSession needs the secret that express-session was given.')
  }
  const keyOf = ({ id }: { readonly id: string }): string => prefix + id
  const load: FormerSessions['load'] = async (stamp) => {
    const found = await readText(driver, keyOf(stamp))
    if (!found) return undefined
    const { cookie: stored, ...data } = parsed(found.text, options.parse) ?? {}
    if (typeof stored !== 'object' || stored === null) return 'unreadable'
    const { expires } = stored as { readonly expires?: unknown }
    const persistent = typeof expires === 'string'
    return recordOf(options, data, { remaining: found.remaining, isSliding: true, persistent })
  }
  return {
    name: 'express-session',
    read: (request) => {
      for (const value of cookieValues(request.header('cookie') ?? '', name)) {
        if (!value.startsWith('s:')) continue
        for (const secret of secrets) {
          const id = unsign(value.slice(2), secret)
          if (id !== false && id !== '')
            return { id, secrets: secrets.map((one) => one.toString('hex')) }
        }
      }
      return undefined
    },
    load,
    leave: (stamp, record, keptFor) => leaveKey(driver, keyOf(stamp), options, record, keptFor),
    end: (stamp) => endKey(driver, keyOf(stamp), load(stamp)),
    isFinal: oldSession === 'delete',
    clear: () => removalOf([name], cookie),
  }
}
