/** Optional signatures on session ids: forgeries are refused before the store is asked. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { optionError } from '../core/errors.ts'
import { asSessionId } from '../core/id.ts'
import type { SessionId } from '../core/id.ts'

/** Turns an id into the text that travels, and back. */
export interface Seal {
  seal(id: SessionId): string
  open(text: string): Opened
}

/** The id, or why the text holds none. */
export type Opened = { readonly id: SessionId } | { readonly rejected: 'malformed' | 'signature' }

const MALFORMED: Opened = { rejected: 'malformed' }

const LEAST_SECRET = 32

/** Ids travel as they are: they are unguessable by themselves. */
export const plainSeal: Seal = {
  seal: (id) => id,
  open: (text) => {
    const id = asSessionId(text)
    return id ? { id } : MALFORMED
  },
}

/**
 * `<id>.<HMAC-SHA256>`; signs with the first secret and accepts any (rotation: put the new one
 * first, drop the old one when `absoluteTimeout` has passed). `purpose` keeps a signature of one
 * cookie from passing as that of another.
 */
export function keyRing(secret: string | readonly string[], purpose: string): Seal {
  const secrets = [secret].flat()
  if (secrets.length === 0)
    throw optionError('secret must hold at least one secret; leave it out for unsigned cookies.')
  secrets.forEach(refuseWeak)
  const sign = (id: string, key: string): string =>
    createHmac('sha256', key).update(`handstamp ${purpose} ${id}`).digest('base64url')
  return {
    seal: (id) => `${id}.${sign(id, secrets[0] as string)}`,
    open: (text) => {
      const dot = text.indexOf('.')
      const id = dot === -1 ? undefined : asSessionId(text.slice(0, dot))
      if (!id) return MALFORMED
      const given = Buffer.from(text.slice(dot + 1))
      return secrets.some((key) => isEqual(given, Buffer.from(sign(id, key))))
        ? { id }
        : { rejected: 'signature' }
    },
  }
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Sample secrets of READMEs are short, repetitive, or both (ASVS 5.0, 11.5). */
function refuseWeak(secret: unknown): void {
  if (typeof secret === 'string' && secret.length >= LEAST_SECRET && new Set(secret).size >= 12)
    return
  throw optionError(
    `secret must be at least ${LEAST_SECRET} random characters; make one with \`openssl rand -base64 32\`.`,
  )
}
