/** The id travels in a cookie: which cookies of a request count, and what the response sets. */
import { serialize } from 'cookie'
import type { SerializeOptions } from 'cookie'
import { optionError } from '../core/errors.ts'
import type { SessionId } from '../core/id.ts'
import { NO_CLAIM } from '../core/transport.ts'
import type { Claim, HeaderLine, Instruction, RequestHead, Transport } from '../core/transport.ts'
import { resolveCookie } from './cookie-options.ts'
import type { CookieOptions, CookiePolicy } from './cookie-options.ts'
import { cookieValues } from './cookie-values.ts'
import { covers } from './path.ts'
import { keyRing, plainSeal } from './signature.ts'
import type { Seal } from './signature.ts'

/** Node refuses longer headers by itself (16 kB); other platforms may not. */
const MOST_HEADER = 65_536
/** RFC 6265bis section 5.5: browsers keep no cookie longer than 400 days. */
const MOST_AGE = 400 * 86_400

interface Scope {
  readonly policy: CookiePolicy
  readonly seal: Seal
}

/** The transport of browsers. `options` as a function: other attributes per request (tenant, domain). */
export function cookieTransport(
  options: CookieOptions | ((request: unknown) => CookieOptions),
  secret?: string | readonly string[],
): Transport {
  const scopeOf = scopes(options, secret)
  return {
    covers: (request) => {
      const { path } = scopeOf(request).policy
      return path === '/' || covers(path, request.path)
    },
    read: (request) => {
      const { policy, seal } = scopeOf(request)
      return readClaim(request.header('cookie'), policy.name, seal)
    },
    write: (request, instruction, now) => {
      const { policy, seal } = scopeOf(request)
      const line = setCookie(policy, seal, instruction, isSecure(policy, request), now)
      // ASVS 5.0, 14.3.2: a cache that kept this response would hand the session to the next visitor.
      return [
        ['Set-Cookie', line],
        ['Cache-Control', 'no-store'],
      ] as const satisfies readonly HeaderLine[]
    },
  }
}

function scopes(
  options: CookieOptions | ((request: unknown) => CookieOptions),
  secret: string | readonly string[] | undefined,
): (request: RequestHead) => Scope {
  const resolve = (given: CookieOptions): Scope => {
    const policy = resolveCookie(given)
    return {
      policy,
      seal: secret === undefined ? plainSeal : keyRing(secret, `cookie ${policy.name}`),
    }
  }
  if (typeof options !== 'function') {
    const scope = resolve(options)
    return () => scope
  }
  if (secret !== undefined) keyRing(secret, '')
  // An app that returns the same object for the same tenant pays for its checks once.
  const known = new WeakMap<CookieOptions, Scope>()
  return ({ source }) => {
    const given = options(source)
    const scope = known.get(given) ?? resolve(given)
    if (scope.policy.persistent) throw persistentPerRequest()
    known.set(given, scope)
    return scope
  }
}

function persistentPerRequest(): Error {
  return optionError(
    'persistent is kept with each session, not with the cookie of a request: leave it out of the function, ' +
      'and call session.setLifetime({ persistent: true }) where a visitor asks to be remembered.',
  )
}

/**
 * All values under our name: their order says nothing (RFC 6265bis section 4.2.2), and a page on a
 * sibling domain can put one in front. What cannot be an id of ours is passed over.
 */
function readClaim(header: string | undefined, name: string, seal: Seal): Claim {
  if (header === undefined || !header.includes(name)) return NO_CLAIM
  if (header.length > MOST_HEADER) return { ids: [], rejected: 'malformed' }
  const ids = new Set<SessionId>()
  let rejected: Claim['rejected']
  for (const value of cookieValues(header, name)) {
    const opened = seal.open(value)
    if ('id' in opened) ids.add(opened.id)
    else rejected = opened.rejected
  }
  if (ids.size > 0) return { ids: [...ids] }
  return rejected ? { ids: [], rejected } : NO_CLAIM
}

function setCookie(
  policy: CookiePolicy,
  seal: Seal,
  instruction: Instruction,
  secure: boolean,
  now: number,
): string {
  const { name, domain, path, sameSite, httpOnly, partitioned, priority } = policy
  const scope: SerializeOptions = {
    path,
    httpOnly,
    secure,
    sameSite,
    partitioned,
    ...(domain === undefined ? {} : { domain }),
    ...(priority === undefined ? {} : { priority }),
  }
  // A cookie is removed by the scope it was set with; another path or domain is another cookie.
  if (instruction.kind === 'clear')
    return serialize(name, '', { ...scope, maxAge: 0, expires: new Date(0) })
  const value = seal.seal(instruction.id)
  if (instruction.until === undefined) return serialize(name, value, scope)
  const maxAge = Math.min(MOST_AGE, Math.max(1, Math.floor((instruction.until - now) / 1000)))
  return serialize(name, value, { ...scope, maxAge, expires: new Date(now + maxAge * 1000) })
}

let isExplained = false

function isSecure({ name, secure }: CookiePolicy, request: RequestHead): boolean {
  if (secure !== 'auto') return secure
  if (!request.secure && !isExplained) {
    isExplained = true
    process.emitWarning(
      `The session cookie '${name}' is sent without Secure, because this request came over plain http and ` +
        "NODE_ENV is not 'production'. In production set NODE_ENV=production or cookie.secure: true.",
      { type: 'HandstampNotice', code: 'HANDSTAMP_PLAIN_HTTP' },
    )
  }
  return request.secure
}
