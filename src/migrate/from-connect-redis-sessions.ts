/** Sessions of connect-redis-sessions: hashes of redis-sessions, with indexes beside them. */
import { optionError } from '../core/errors.ts'
import type { FormerSessions } from '../core/former.ts'
import { cookieValues } from '../http/cookie-values.ts'
import { checkedSource, leaveKey, parsed, readHash, recordOf, removalOf } from './source.ts'
import type { OldCookie, SourceOptions } from './source.ts'

export interface ConnectRedisSessionsOptions extends SourceOptions {
  /** What `app` was, or what its function returned; one source for each. */
  readonly app: string
  /** What `namespace` was. Default `'rs'`. */
  readonly namespace?: string
  /** Name (default: `app`), path and domain of the old cookie. */
  readonly cookie?: OldCookie
}

/** Everything else is no token of redis-sessions. */
const TOKEN = /^[a-zA-Z0-9]{64}$/

/**
 * The user is the one that `upgrade` was given, unless `userOf` says otherwise. Throws ERR_OPTION.
 *
 * @example
 * createSessions({ store, migrateFrom: [fromConnectRedisSessions({ client, app: 'shop' })] })
 */
export function fromConnectRedisSessions(options: ConnectRedisSessionsOptions): FormerSessions {
  const driver = checkedSource('fromConnectRedisSessions', options, ['app', 'namespace'])
  const { app, namespace = 'rs', cookie = {}, oldSession, userOf } = options
  if (typeof app !== 'string' || !/^[\w-]{3,20}$/.test(app)) {
    throw optionError('fromConnectRedisSessions needs the app: 3 to 20 letters, digits, - or _.')
  }
  const { name = app } = cookie
  const place = `${namespace}:${app}`
  const keyOf = ({ id }: { readonly id: string }): string => `${place}:${id}`
  return {
    name: `connect-redis-sessions ${app}`,
    read: (request) => {
      const values = cookieValues(request.header('cookie') ?? '', name)
      const id = values.find((value) => TOKEN.test(value))
      return id === undefined ? undefined : { id, secrets: [] }
    },
    load: async (stamp) => {
      const found = await readHash(driver, keyOf(stamp))
      if (found === undefined || found === 'unreadable') return found
      const { fields } = found
      const [ttl, seen] = [Number(fields.get('ttl')), Number(fields.get('la'))]
      const data = parsed(fields.get('d') ?? '{}')
      if (!data || !Number.isFinite(ttl) || !Number.isFinite(seen)) return 'unreadable'
      const remaining = (seen + ttl) * 1000 - Date.now()
      if (remaining <= 0) return undefined
      const isSliding = fields.get('no_resave') !== '1'
      const life = { remaining, isSliding, persistent: false }
      return recordOf({ ...options, userOf: userOf ?? (() => fields.get('id')) }, data, life)
    },
    leave: (stamp, record, keptFor) => leaveKey(driver, keyOf(stamp), options, record, keptFor),
    end: async (stamp) => {
      const key = keyOf(stamp)
      const found = await readHash(driver, key)
      if (found === undefined || found === 'unreadable') return
      const user = found.fields.get('id') ?? ''
      await driver.send(key, false, ['DEL', key])
      const entries: [command: string, key: string, member: string][] = [
        ['ZREM', `${place}:_sessions`, `${stamp.id}:${user}`],
        ['SREM', `${place}:us:${user}`, stamp.id],
        ['ZREM', `${namespace}:SESSIONS`, `${app}:${stamp.id}:${user}`],
        // Processes of the old app keep what they read for `cachetime`.
        ['PUBLISH', `${namespace}:cache`, `${app}:${stamp.id}`],
      ]
      for (const entry of entries) await driver.send(entry[1], false, entry)
    },
    isFinal: oldSession === 'delete',
    clear: () => removalOf([name], cookie),
  }
}
