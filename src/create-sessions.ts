/** Puts an engine together from options. */
import { optionError } from './core/errors.ts'
import { resolveEngine } from './core/options.ts'
import type { EngineOptions } from './core/options.ts'
import type { SessionData } from './core/session.ts'
import { Sessions } from './core/sessions.ts'
import type { Store } from './core/store.ts'
import type { Transport } from './core/transport.ts'
import type { CookieOptions } from './http/cookie-options.ts'
import { cookieTransport } from './http/cookie-transport.ts'
import { deviceDescriber } from './http/device.ts'
import type { DescribeDevice } from './http/device.ts'
import { memoryStore } from './memory/store.ts'

export interface SessionsOptions<Data extends object> extends EngineOptions<Data> {
  /** Where sessions are kept: `redisStore(…)` or `memoryStore(…)`. Default: the memory of this process. */
  readonly store?: Store
  /** The cookie's attributes, or a function from the framework's request to them. */
  readonly cookie?: CookieOptions | ((request: unknown) => CookieOptions)
  /**
   * Signs the cookie, at least 32 random characters; of several the first signs and all verify. Ids
   * are unguessable without: a signature only refuses forgeries before the store is asked.
   */
  readonly secret?: string | readonly string[]
  /** Another way for ids to travel than a cookie: `headerTransport(…)`. */
  readonly transport?: Transport
  /**
   * What a user recognises the device of a sign-in by, in the list of their sessions: gets the
   * framework's request, returns `{ label, ip? }`, or undefined to keep nothing. The label is cut to
   * 80 visible characters; an ip that is none is left out. Default: browser and system, such as
   * "Firefox on Windows", and the address as the framework sees it.
   */
  readonly describeDevice?: DescribeDevice
}

const KNOWN = new Set<string>(
  (
    'store cookie secret transport describeDevice idleTimeout absoluteTimeout touchInterval rolling maxBytes storeTimeout onStoreFailure ' +
    'references migrateFrom activity nearCache maxSessionsPerUser whenTooManySessions onConflict generateId validate beforeSave codec clock'
  ).split(' '),
)

/** Options of other libraries, by what they are called here. */
const ELSEWHERE = new Map(
  Object.entries({
    name: 'use cookie.name',
    key: 'use cookie.name',
    domain: 'use cookie.domain',
    path: 'use cookie.path',
    secure: 'use cookie.secure',
    sameSite: 'use cookie.sameSite',
    httpOnly: 'use cookie.httpOnly',
    persistent: 'use cookie.persistent',
    keys: 'use secret',
    password: 'use secret',
    signed: 'use secret',
    genid: 'use generateId',
    genSid: 'use generateId',
    maxAge: 'use idleTimeout and absoluteTimeout, with cookie.persistent',
    ttl: 'use idleTimeout',
    valid: 'use validate',
    serializer: 'use codec',
    reconnectTimeout: 'use storeTimeout',
    sessionIdStore: 'use transport',
    errorHandler: 'use onStoreFailure, and listen to sessions.events',
    csrf: 'mount csrf(sessions) behind session(sessions), or give it to withSession',
    prefix: 'give it to redisStore',
    client: 'give it to redisStore',
    url: 'give it to redisStore',
    proxy: 'leave it out: the framework knows which proxies it trusts',
    resave: 'leave it out: only changes are ever written',
    saveUninitialized: 'leave it out: nothing is stored before something is written',
    allowEmpty: 'leave it out: session.save() stores an empty session',
    unset: 'leave it out: assigning null destroys',
  }),
)

/**
 * Makes the engine that an adapter mounts.
 *
 * Throws ERR_OPTION with the remedy for options that are wrong, unknown or at odds with each other.
 *
 * @example
 * const sessions = createSessions<{ userId: string }>({ store: redisStore({ url: 'redis://localhost' }) })
 * app.use(session(sessions))
 */
export function createSessions<Data extends SessionData<Data> & object = Record<string, unknown>>(
  options: SessionsOptions<Data> = {},
): Sessions<Data> {
  if (typeof options !== 'object' || options === null)
    throw optionError('createSessions takes an object with options.')
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name))
      throw optionError(
        `createSessions has no option '${name}': ${ELSEWHERE.get(name) ?? 'see docs/options.md'}.`,
      )
  }
  const { cookie = {}, secret, clock } = options
  if (options.transport !== undefined && (options.cookie !== undefined || secret !== undefined)) {
    throw optionError('transport replaces the cookie: give it the secret, and leave cookie out.')
  }
  const { transport = cookieTransport(cookie, secret) } = options
  const { store = memoryStore(clock === undefined ? {} : { clock }) } = options
  const persistent = typeof cookie === 'object' && cookie.persistent === true
  const deviceOf = deviceDescriber(options.describeDevice)
  return new Sessions<Data>(resolveEngine(options, { store, transport, persistent, deviceOf }))
}
