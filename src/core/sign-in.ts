/** From one session to a user's: always a new id, in the user's slot, with the limit held. */
import { decodeDocument, encodeDocument, movedTombstone } from './document.ts'
import { linesOf, withLine } from './lines.ts'
import type { Fields, Meta } from './document.ts'
import { askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import { tellDestroyed, tellRevoked } from './ended.ts'
import { HandstampError } from './errors.ts'
import { handleOf, newSessionId, tagOf } from './id.ts'
import { freshMeta, resolveLifetime } from './lifetime.ts'
import { ttlOf } from './policy.ts'
import { withReferences } from './references.ts'
import type { AdmitOutcome, FieldChange, GivingWay } from './store.ts'
import type { LifetimeOptions } from './session.ts'
import type { RequestHead } from './transport.ts'
import type { UserKey } from './user.ts'
import { checked, MOST_IDS, ownerOf, remove, repeatingIds, update } from './write.ts'
import type { Stored } from './write.ts'

/** The user's session to be. */
interface Next {
  readonly meta: Meta
  readonly body: string
  /** The session object's fields: they receive what comes along. */
  readonly fields: Fields
  readonly keepData: boolean
}

/** The metadata of a user's session that begins now. Throws ERR_OPTION. */
export function userMeta(
  engine: Engine,
  request: RequestHead,
  userId: string,
  limits: LifetimeOptions,
): Meta {
  const at = engine.clock.now()
  const meta = freshMeta(engine, at)
  const device = engine.deviceOf(request)
  const signedIn = { userId, at, ...(device && { device }) }
  return { ...meta, ...resolveLifetime(limits, meta), signIn: signedIn }
}

type Admitted = Extract<AdmitOutcome, { kind: 'admitted' }>

/**
 * Writes the user's session and ends the one before: in one step where both lie in one slot, as those
 * of one user do; else the new one first, so that whatever fails in between, nobody is left without a
 * session that they had. Undefined where the one before was ended by somebody else, or gives way to
 * another sign-in.
 */
export async function signIn(
  engine: Engine,
  request: unknown,
  owner: UserKey,
  next: Next,
  previous: Stored | undefined,
): Promise<Stored | undefined> {
  const admitted = await admit(engine, request, owner, next, previous)
  if (!admitted) return undefined
  const { stored, outcome } = admitted
  const left = outcome.replaced ?? (previous && (await claim(engine, previous, stored)))
  if (previous && left === undefined) {
    await remove(engine, stored.handle, stored)
    return undefined
  }
  const { handle, meta } = stored
  const userId = meta.signIn?.userId ?? ''
  if (previous) {
    // What pointed to it is found out on reading.
    withReferences(engine, undefined, previous, async () => undefined).catch(() => undefined)
    const before = previous.meta.signIn
    if (before && before.userId !== userId) {
      tellDestroyed(engine, previous.handle, ownerOf(previous.meta))
    } else engine.events.tell('regenerated', { handle: previous.handle, successor: handle })
  }
  engine.events.tell('signedIn', { handle, userId })
  return previous && left && next.keepData
    ? merged(engine, stored, previous, left, next.fields)
    : stored
}

async function admit(
  engine: Engine,
  request: unknown,
  owner: UserKey,
  { meta, body, fields }: Next,
  previous: Stored | undefined,
): Promise<{ readonly stored: Stored; readonly outcome: Admitted } | undefined> {
  const { store, clock, limit } = engine
  const document = checked(engine, encodeDocument(meta, body), fields)
  for (let tries = 0; tries < MOST_IDS; tries++) {
    const id = await newSessionId(tagOf(owner), engine.generateId, request)
    const stored = { handle: handleOf(id), id, meta, body }
    const now = clock.now()
    const before = previous && givingWay(previous, stored)
    const ttl = ttlOf(meta, now)
    const admission = { owner, document, ttl, now, before, ...(limit && { limit }) }
    const outcome = await withReferences(engine, stored, undefined, () =>
      askAgain(engine, 'admit', () => store.users.admit(stored.handle, admission)),
    )
    if (outcome.kind === 'rejected') throw limitError(limit?.most ?? 0)
    if (outcome.kind === 'gone') return undefined
    if (outcome.kind === 'taken') continue
    // At once: whatever becomes of this sign-in, these have ended.
    tellRevoked(engine, outcome.evicted, 'limit', meta.signIn?.userId)
    return { stored, outcome }
  }
  throw repeatingIds()
}

/** Ends the session before where it lies in another slot; its document, or undefined where it is gone. */
function claim(engine: Engine, previous: Stored, next: Stored): Promise<string | undefined> {
  const { handle, owner, tombstone } = givingWay(previous, next)
  const { store, clock } = engine
  const now = clock.now()
  return askAgain(engine, 'claim', () => store.claim(handle, tombstone, now, owner))
}

function givingWay({ handle, meta }: Stored, next: Stored): GivingWay {
  return { handle, owner: ownerOf(meta), tombstone: movedTombstone(next.handle, 0) }
}

/**
 * What parallel requests wrote to the session before since it was read goes along; own changes win.
 * Never fails: the sign-in has taken place.
 */
async function merged(
  engine: Engine,
  admitted: Stored,
  previous: Stored,
  document: string,
  fields: Fields,
): Promise<Stored> {
  const { codec, events } = engine
  const left = decodeDocument(document, codec)
  if (left.kind !== 'live' || left.meta.revision === previous.meta.revision) return admitted
  const [known, theirs] = [linesOf(previous.body), linesOf(left.body)]
  const mine = linesOf(admitted.body)
  const changes: FieldChange[] = []
  let { body } = admitted
  for (const name of new Set([...known.keys(), ...theirs.keys()])) {
    const [from, to] = [known.get(name) ?? '', theirs.get(name) ?? '']
    if (to === from || (mine.get(name) ?? '') !== from) continue
    changes.push({ name, from, to })
    body = withLine(body, name, to)
  }
  if (changes.length === 0) return admitted
  try {
    const meta = await update(engine, admitted, { changes, body }, undefined, fields)
    if (!meta) return admitted
    for (const { name, to } of changes) {
      const field = JSON.parse(name) as string
      if (to === '') delete fields[field]
      else fields[field] = codec.decode(to)
    }
    return { ...admitted, meta, body }
  } catch (error) {
    const isTooLarge = error instanceof HandstampError && error.code === 'ERR_TOO_LARGE'
    if (isTooLarge) events.tell('dropped', { handle: admitted.handle, reason: 'too-large' })
    return admitted
  }
}

function limitError(most: number): HandstampError {
  return new HandstampError(
    'ERR_SESSION_LIMIT',
    `The user has ${most} live sessions already (maxSessionsPerUser); let them end one, or evict the oldest.`,
  )
}
