/** The options of CSRF protection: checked and completed once, at construction. */
import { optionError } from '../core/errors.ts'

export interface CsrfOptions {
  /**
   * Origins besides the own one whose pages may send unsafe requests, exactly as browsers write them:
   * `https://example.org`. List siblings that post here, and the public origin where a proxy rewrites
   * Host. Each can do in the visitor's name what the own pages can. Default: none.
   */
  readonly origins?: readonly string[]
  /**
   * `'fallback'` (default): a token is asked for only where a request brings neither Sec-Fetch-Site
   * nor Origin nor Referer. `'always'`: each unsafe request needs one as well.
   */
  readonly token?: 'fallback' | 'always'
  /** The request header that may hold the token. Default `x-csrf-token`. */
  readonly header?: string
  /** The field of a parsed body that may hold the token. Default `_csrf`. */
  readonly field?: string
}

export interface CsrfPolicy {
  readonly origins: ReadonlySet<string>
  readonly token: 'fallback' | 'always'
  readonly header: string
  readonly field: string
}

const KNOWN = ['origins', 'token', 'header', 'field']
/** RFC 9110 section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/
/** Of schemes that URL knows no origin of: pages inside of apps (`capacitor://localhost`). */
const APP_ORIGIN = /^(?!https?:|file:|data:|blob:)[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,\\*]+$/

/**
 * The option `csrf` of `withSession`: true is the defaults, false and undefined are no protection.
 * Options that it does not have are refused, lest a misspelt one protect nothing.
 */
export function csrfOption(
  options: { readonly csrf?: CsrfOptions | boolean },
  known: readonly string[],
): CsrfPolicy | undefined {
  refuseUnknown('withSession', options, known)
  const { csrf = false } = options
  if (csrf === false) return undefined
  return resolveCsrf(csrf === true ? {} : csrf)
}

/** Throws ERR_OPTION with the remedy. */
export function resolveCsrf(options: CsrfOptions): CsrfPolicy {
  refuseUnknown('csrf', options, KNOWN)
  const { origins = [], token = 'fallback', header = 'x-csrf-token', field = '_csrf' } = options
  if (!Array.isArray(origins)) throw optionError('csrf.origins must be a list of origins.')
  if (token !== 'fallback' && token !== 'always')
    throw optionError("csrf.token must be 'fallback' or 'always'.")
  if (typeof header !== 'string' || !HEADER_NAME.test(header.toLowerCase()))
    throw optionError('csrf.header must be a header name such as x-csrf-token.')
  if (typeof field !== 'string' || field === '')
    throw optionError('csrf.field must be the name of a body field such as _csrf.')
  return {
    origins: new Set(origins.map(checkedOrigin)),
    token,
    header: header.toLowerCase(),
    field,
  }
}

function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw optionError(`${what} takes an object with options: ${known.join(', ')}.`)
  const name = Object.keys(options).find((key) => !known.includes(key))
  if (name !== undefined)
    throw optionError(`${what} has no option '${name}': it takes ${known.join(', ')}.`)
}

/** One spelling only, because the request's is compared with it as text. */
function checkedOrigin(origin: unknown): string {
  const text = typeof origin === 'string' ? origin : ''
  if (APP_ORIGIN.test(text)) return text
  const url = URL.canParse(text) ? new URL(text) : undefined
  // URL takes a star for a letter; no browser sends one.
  const isWeb = !text.includes('*') && (url?.protocol === 'https:' || url?.protocol === 'http:')
  if (url && isWeb && url.origin === text) return text
  throw optionError(
    "csrf.origins must hold origins as browsers send them, such as 'https://example.org': scheme, host in " +
      "lower case, a port if it is not the usual one, no path. Neither 'null' nor '*' names one." +
      (url && isWeb ? ` Did you mean '${url.origin}'?` : ''),
  )
}
