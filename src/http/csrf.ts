/**
 * Whether an unsafe request may come from a page of another site, which the browser would send with
 * the visitor's cookie all the same (CSRF). Decided from the head of the request alone.
 */
import type { CsrfReason } from '../core/events.ts'
import type { CsrfPolicy } from './csrf-options.ts'

/** What the decision rests on; undefined is a header that is not there. */
export interface CsrfEvidence {
  readonly method: string
  readonly fetchSite: string | undefined
  readonly origin: string | undefined
  readonly referer: string | undefined
  /** The origin that the client addressed, as browsers write it. */
  readonly own: string | undefined
}

/** `'needs-token'`: passes with a valid token only. Any other text is why it is refused. */
export type CsrfVerdict = 'pass' | 'needs-token' | CsrfReason

/** RFC 9110 section 9.2.1: these change nothing, as long as the application keeps to it. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Fetch Metadata first, because no page can forge or leave out what the browser itself adds; without
 * it Origin, then Referer (OWASP CSRF Prevention Cheat Sheet, "Fetch Metadata headers").
 */
export function judgeCsrf({ origins, token }: CsrfPolicy, evidence: CsrfEvidence): CsrfVerdict {
  if (SAFE.has(evidence.method)) return 'pass'
  const { fetchSite } = evidence
  const verdict =
    fetchSite === undefined
      ? judgeOrigin(origins, evidence)
      : judgeFetchSite(origins, fetchSite, evidence.origin)
  return verdict === 'pass' && token === 'always' ? 'needs-token' : verdict
}

/** A sibling subdomain counts as another site: it may be somebody else's, or taken over. */
function judgeFetchSite(
  origins: ReadonlySet<string>,
  fetchSite: string,
  origin: string | undefined,
): CsrfVerdict {
  switch (fetchSite) {
    case 'same-origin':
    // The visitor's own doing: an address typed in, a bookmark.
    case 'none':
      return 'pass'
    case 'same-site':
    case 'cross-site':
      return origin !== undefined && origins.has(origin) ? 'pass' : fetchSite
    default:
      return 'fetch-site'
  }
}

/** Compared as whole texts: `https://example.org.attacker.com` begins like the origin that it is not. */
function judgeOrigin(
  origins: ReadonlySet<string>,
  { origin, referer, own }: CsrfEvidence,
): CsrfVerdict {
  const isOurs = (text: string): boolean => text === own || origins.has(text)
  if (origin !== undefined) return isOurs(origin) ? 'pass' : 'origin'
  if (referer === undefined) return 'needs-token'
  return isOurs(originOf(referer)) ? 'pass' : 'referer'
}

/** `'null'` for whatever has no origin; none of ours is called so. */
function originOf(url: string): string {
  if (!URL.canParse(url)) return 'null'
  const { origin, protocol, host } = new URL(url)
  // Of pages inside of apps (`capacitor://localhost`) URL knows no origin; browsers write it like this.
  return origin === 'null' && host !== '' ? `${protocol}//${host}` : origin
}

/** Nothing but host and port: a URL built from more could be another one's. */
const HOST = /^[^\s/?#@\\,]{1,261}$/

/** The origin that a request was addressed to; undefined where Host cannot say. */
export function ownOrigin(secure: boolean, host: string | undefined): string | undefined {
  if (host === undefined || !HOST.test(host)) return undefined
  const url = `${secure ? 'https' : 'http'}://${host}`
  return URL.canParse(url) ? new URL(url).origin : undefined
}
