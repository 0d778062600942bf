/** The cookie's attributes: defaults, and the rules that browsers enforce without a word. */
import { optionError } from '../core/errors.ts'

export interface CookieOptions {
  /** Default `__Host-sid` (`__Secure-sid` with a domain or a path) where `secure` is true, else `sid`. */
  readonly name?: string
  /** Shares the cookie with subdomains; each of them can then plant one. Default: this host only. */
  readonly domain?: string
  /** Requests elsewhere have no session at all. Default `/`. */
  readonly path?: string
  /**
   * True: never sent over plain http (no proxy setting needed). `'auto'`: only where the request came
   * over TLS. False: anybody on the way can read the cookie. Default: true when NODE_ENV is
   * `production`, else `'auto'`.
   */
  readonly secure?: boolean | 'auto'
  /** Default `lax`. With `none` other sites can send requests in the user's name: protect every form. */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /** False lets scripts read the cookie, so that one injected script takes every session. Default true. */
  readonly httpOnly?: boolean
  /** True: the cookie outlives the browser, to the session's absolute limit. Default false. */
  readonly persistent?: boolean
  /** Keeps a separate cookie per embedding site (CHIPS); needs `secure: true`. Default false. */
  readonly partitioned?: boolean
  readonly priority?: 'low' | 'medium' | 'high'
}

export interface CookiePolicy {
  readonly name: string
  readonly domain: string | undefined
  readonly path: string
  readonly secure: boolean | 'auto'
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly httpOnly: boolean
  readonly persistent: boolean
  readonly partitioned: boolean
  readonly priority: 'low' | 'medium' | 'high' | undefined
}

const KNOWN = new Set<string>(
  'name domain path secure sameSite httpOnly persistent partitioned priority'.split(' '),
)
/** RFC 9110 token, as RFC 6265bis section 4.1.1 asks of a cookie name. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
/** RFC 6265bis section 4.1.1: any character except controls and `;`, at most 1,024 bytes. */
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]{1,1024}$/
const DOMAIN = /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i

/** Completes and checks the options together; throws ERR_OPTION with the remedy. */
export function resolveCookie(options: CookieOptions): CookiePolicy {
  checkShape(options)
  const {
    domain,
    path = '/',
    sameSite = 'lax',
    httpOnly = true,
    persistent = false,
    partitioned = false,
  } = options
  const { secure = process.env['NODE_ENV'] === 'production' ? true : 'auto' } = options
  const { name = defaultName(secure, path, domain) } = options
  const policy = {
    name,
    domain,
    path,
    secure,
    sameSite,
    httpOnly,
    persistent,
    partitioned,
    priority: options.priority,
  }
  checkTypes(policy)
  checkRules(policy)
  return policy
}

function defaultName(secure: boolean | 'auto', path: string, domain: string | undefined): string {
  if (secure !== true) return 'sid'
  return path === '/' && domain === undefined ? '__Host-sid' : '__Secure-sid'
}

function checkShape(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw optionError('cookie must be an object with options, or a function that returns one.')
  }
  for (const name of Object.keys(options)) if (!KNOWN.has(name)) throw unknownOption(name)
}

function checkTypes(policy: CookiePolicy): void {
  const { name, domain, path, secure, sameSite, priority } = policy
  if (typeof name !== 'string' || !TOKEN.test(name))
    throw optionError('cookie.name must be a token such as sid.')
  if (domain !== undefined && (typeof domain !== 'string' || !DOMAIN.test(domain))) {
    throw optionError('cookie.domain must be a host name such as example.org.')
  }
  if (typeof path !== 'string' || !path.startsWith('/') || !ATTRIBUTE.test(path)) {
    throw optionError(
      'cookie.path must start with a slash and hold no semicolon or control character.',
    )
  }
  if (secure !== 'auto' && typeof secure !== 'boolean')
    throw optionError("cookie.secure must be true, false or 'auto'.")
  if (!['lax', 'strict', 'none'].includes(sameSite))
    throw optionError("cookie.sameSite must be 'lax', 'strict' or 'none'.")
  if (priority !== undefined && !['low', 'medium', 'high'].includes(priority)) {
    throw optionError("cookie.priority must be 'low', 'medium' or 'high'.")
  }
  for (const flag of ['httpOnly', 'persistent', 'partitioned'] as const) {
    if (typeof policy[flag] !== 'boolean')
      throw optionError(`cookie.${flag} must be true or false.`)
  }
}

/** Combinations that a browser drops in silence (RFC 6265bis sections 4.1.3 and 5.6; CHIPS). */
function checkRules(policy: CookiePolicy): void {
  const { name, domain, path, secure, sameSite, httpOnly, partitioned } = policy
  const prefix = /^__(host|secure|http)-/i.exec(name)?.[0].toLowerCase()
  if (prefix && secure !== true)
    throw optionError(`A cookie named ${name} needs cookie.secure: true.`)
  if (prefix === '__host-' && (path !== '/' || domain !== undefined)) {
    throw optionError(
      `A cookie named ${name} needs path '/' and no domain; name it __Secure-… otherwise.`,
    )
  }
  if (prefix === '__http-' && !httpOnly)
    throw optionError(`A cookie named ${name} needs cookie.httpOnly: true.`)
  if (sameSite === 'none' && secure !== true)
    throw optionError("cookie.sameSite 'none' needs cookie.secure: true.")
  if (partitioned && secure !== true)
    throw optionError('cookie.partitioned needs cookie.secure: true.')
}

function unknownOption(name: string): Error {
  const hint =
    name === 'maxAge' || name === 'expires'
      ? 'how long a session lives is said by idleTimeout and absoluteTimeout; cookie.persistent: true lets the cookie outlive the browser'
      : name === 'signed'
        ? 'cookies are signed when createSessions is given a secret'
        : `it takes ${[...KNOWN].join(', ')}`
  return optionError(`cookie has no option '${name}': ${hint}.`)
}
