/** CSRF tokens as the package `csrf` 3 makes them, so that servers of both kinds take each other's. */
import { createHash, hash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { optionError } from '../../core/errors.ts'

export interface TokensOptions {
  /** How many characters of a token are random. Default 22, that is 130 bits (`csrf`: 8, and not from a CSPRNG). */
  readonly saltLength?: number
  /** How many random bytes a secret has. Default 18. */
  readonly secretLength?: number
}

/**
 * What the original hands out as `.tokens`: makes and verifies tokens of a secret.
 *
 * @example
 * const secret = Session.tokens.secretSync()
 * Session.tokens.verify(secret, Session.tokens.create(secret)) // true
 */
export class Tokens {
  readonly saltLength: number
  readonly secretLength: number

  /** Throws ERR_OPTION. */
  constructor({ saltLength = 22, secretLength = 18 }: TokensOptions = {}) {
    this.saltLength = checkedLength('saltLength', saltLength)
    this.secretLength = checkedLength('secretLength', secretLength)
  }

  /** A token of the secret, another one at each call. Throws a TypeError without a secret. */
  create(secret: string): string {
    if (typeof secret !== 'string' || secret === '')
      throw new TypeError('create needs the secret of a session.')
    return tokenOf(secret, randomSalt(this.saltLength))
  }

  /** Whether the token is one of the secret, in constant time; false for what is no token. */
  verify(secret: string, token: unknown): boolean {
    if (typeof secret !== 'string' || secret === '' || typeof token !== 'string') return false
    const dash = token.indexOf('-')
    return dash !== -1 && isEqual(token, tokenOf(secret, token.slice(0, dash)))
  }

  /** A new secret, as a promise or to a callback. */
  secret(): Promise<string>
  secret(callback: (error: null, secret: string) => void): void
  secret(callback?: (error: null, secret: string) => void): Promise<string> | void {
    if (!callback) return Promise.resolve(this.secretSync())
    process.nextTick(callback, null, this.secretSync())
  }

  /** A new secret: random bytes as base64url. */
  secretSync(): string {
    return randomBytes(this.secretLength).toString('base64url')
  }
}

/** SHA-1 is what the other side computes; a secret of 144 random bits does not suffer from its collisions. */
function tokenOf(secret: string, salt: string): string {
  return `${salt}-${hash('sha1', `${salt}-${secret}`, 'base64url')}`
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Without a dash: it ends the salt. */
function randomSalt(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** Digests have one length, so neither text tells anything of the other. */
function isEqual(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(left as Buffer, right as Buffer)
}

function checkedLength(option: string, length: unknown): number {
  if (typeof length === 'number' && Number.isFinite(length) && length >= 1) return length
  throw optionError(`${option} must be a number of at least 1.`)
}
