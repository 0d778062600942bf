/**
 * CSRF tokens of a session, derived from its id: nothing is stored, a token fits one session only, and
 * a new id (regenerate, sign-in) ends all tokens of the old one.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { SessionId } from './id.ts'

export interface CsrfVerbs {
  /**
   * A CSRF token for the pages of this session, another text at each call, all of them valid until
   * the session ends or gets a new id. A session that has no id yet is saved first, so ask for a
   * token where a form needs it, not on every page; and let no cache share the page.
   *
   * Within the grace of `regenerate` the token is one of the old id, and ends with the grace.
   *
   * Rejects with ERR_SESSION_GONE after the session ended, ERR_HEAD_SENT where a first save comes too
   * late for its cookie, and as `save` does.
   *
   * @example
   * const field = `<input type="hidden" name="_csrf" value="${await session.csrfToken()}">`
   */
  csrfToken(): Promise<string>

  /**
   * Whether this is a token that `csrfToken` gave for this session. Anything that is none is false,
   * of whatever type and size; takes the same time for every well-formed one. The middleware `csrf`
   * calls it where it is needed; see docs/csrf.md.
   *
   * @example
   * if (!session.verifyCsrf(form.get('_csrf'))) return new Response(null, { status: 403 })
   */
  verifyCsrf(token: unknown): boolean
}

const BYTES = 32
/** Mask and secret, 64 bytes as base64url. */
const LENGTH = 86
/** The last character holds two bits only: refusing the others leaves each token one spelling. */
const WELL_FORMED = /^[A-Za-z0-9_-]{85}[AQgw]$/

/**
 * A random mask and the secret under that mask. The text differs each time, so that a compressed page
 * gives nothing away to someone who watches its length (BREACH; OWASP ASVS 5.0, 3.5.1).
 */
export function csrfTokenOf(id: SessionId): string {
  const mask = randomBytes(BYTES)
  return Buffer.concat([mask, xor(mask, secretOf(id))]).toString('base64url')
}

/** Constant time for whatever could be a token. */
export function isCsrfTokenOf(id: SessionId, token: unknown): boolean {
  if (typeof token !== 'string' || token.length !== LENGTH || !WELL_FORMED.test(token)) return false
  const bytes = Buffer.from(token, 'base64url')
  const secret = xor(bytes.subarray(0, BYTES), bytes.subarray(BYTES))
  return timingSafeEqual(secret, secretOf(id))
}

/** Tells nothing of the id; the message keeps it apart from other uses of the same key. */
function secretOf(id: SessionId): Buffer {
  return createHmac('sha256', id).update('handstamp csrf').digest()
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] as number)))
}
