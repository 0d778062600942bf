/** Session ids (secret, in the client only) and handles (public, what the store knows). */
import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { HandstampError } from './errors.ts'
import type { UserKey } from './user.ts'

declare const idBrand: unique symbol
declare const handleBrand: unique symbol

/** The secret: three characters of slot tag, then at least 128 random bits, all base64url. */
export type SessionId = string & { readonly [idBrand]: true }

/** The public name of a session: its slot tag and the hash of its id. Safe to log and to show. */
export type Handle = string & { readonly [handleBrand]: true }

/** Makes the random part of an id: base64url text with at least 128 random bits. */
export type GenerateId = (request: unknown) => string | Promise<string>

const TAG = 3
const DIGEST = 22
const WELL_FORMED = /^[A-Za-z0-9_-]{25,160}$/
const SECRET = /^[A-Za-z0-9_-]{22,157}$/
const HANDLE = /^[A-Za-z0-9_-]{25}$/

/** 256 bits (OWASP ASVS 5.0, 7.2.3 asks for 128). */
export const randomSecret: GenerateId = () => randomBytes(32).toString('base64url')

/** 18 bits: one of 262,144 tags, which spread over the 16,384 slots of Redis Cluster. */
export function randomTag(): string {
  return randomText(TAG)
}

/** The text as an id, or undefined where it cannot be one. Says nothing about whether such a session exists. */
export function asSessionId(text: string): SessionId | undefined {
  return WELL_FORMED.test(text) ? (text as SessionId) : undefined
}

/** The text as a handle, or undefined where it cannot be one. */
export function asHandle(text: unknown): Handle | undefined {
  return typeof text === 'string' && HANDLE.test(text) ? (text as Handle) : undefined
}

/** A browser sends its id with every request; to hash it each time costs more than to remember. */
const known = new LRUCache<SessionId, Handle>({ max: 10_000 })

/** The first 132 bits of SHA-256: whoever reads the store cannot present the id (ASVS 5.0, 13.2). */
export function handleOf(id: SessionId): Handle {
  let handle = known.get(id)
  if (handle === undefined) {
    handle = (tagOf(id) + hash('sha256', id, 'base64url').slice(0, DIGEST)) as Handle
    known.set(id, handle)
  }
  return handle
}

/** The slot tag of an id, a handle or a user. */
export function tagOf(name: SessionId | Handle | UserKey): string {
  return name.slice(0, TAG)
}

/** A new id with the given tag; a custom generator that yields weak text is refused here. */
export async function newSessionId(
  tag: string,
  generate: GenerateId,
  request: unknown,
): Promise<SessionId> {
  const secret = generate(request)
  const text = typeof secret === 'string' ? secret : await secret
  if (typeof text !== 'string' || !SECRET.test(text)) throw weakId()
  return (tag + text) as SessionId
}

/** Draws from a custom generator and refuses what is guessable: repeats, counters, few different characters. */
export function refuseWeakIds(samples: readonly unknown[]): void {
  const texts = samples.filter(
    (text): text is string => typeof text === 'string' && SECRET.test(text),
  )
  const first = texts[0] ?? ''
  const isFixed = (at: number): boolean => texts.every((text) => text.at(at) === first.at(at))
  const places = Array.from(first, (_, at) => at)
  // Counted from both ends: what changes may stand before a constant, and grow.
  const fromLeft = places.filter((at) => isFixed(at)).length
  const fromRight = places.filter((at) => isFixed(-1 - at)).length
  const weak =
    texts.length < samples.length ||
    new Set(texts).size < texts.length ||
    Math.max(fromLeft, fromRight) > first.length / 2 ||
    texts.some((text) => new Set(text).size < 8)
  if (weak) throw weakId()
}

/** Short random text, unique enough to tell two writes of one session apart; not a secret. */
export function randomText(length: number): string {
  if (pool.length < length) pool = randomBytes(3072).toString('base64url')
  const text = pool.slice(0, length)
  pool = pool.slice(length)
  return text
}
let pool = ''

function weakId(): HandstampError {
  return new HandstampError(
    'ERR_WEAK_ID',
    'generateId must return at least 128 random bits as 22 to 157 characters of base64url, different each time; ' +
      "for example () => crypto.randomBytes(32).toString('base64url').",
  )
}
