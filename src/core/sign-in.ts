/** From an anonymous session to a user's: always a new id, in the user's slot, with the limit held. */
import { decodeDocument, encodeDocument, linesOf, movedTombstone, withLine } from './document.ts'
import type { Fields, Meta } from './document.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { tellRevoked } from './ended.ts'
import { HandstampError } from './errors.ts'
import { handleOf, newSessionId, tagOf } from './id.ts'
import { ttlOf } from './policy.ts'
import { withReferences } from './references.ts'
import type { FieldChange } from './store.ts'
import type { UserKey } from './user.ts'
import { checked, end, MOST_IDS, ownerOf, repeatingIds, update } from './write.ts'
import type { Stored } from './write.ts'

/** The user's session to be. */
interface Next {
  readonly meta: Meta
  readonly body: string
  /** The session object's fields: they receive what comes along. */
  readonly fields: Fields
  readonly keepData: boolean
}

/**
 * Writes the user's session first and ends the old one second: whatever fails in between, nobody is
 * left without a session that they had. Undefined where a parallel request ended the old one before;
 * then the new one is taken back.
 */
export async function signIn(
  engine: Engine,
  request: unknown,
  owner: UserKey,
  next: Next,
  previous: Stored | undefined,
): Promise<Stored | undefined> {
  const admitted = await admit(engine, request, owner, next)
  if (!previous) return admitted
  const { store, clock } = engine
  const tombstone = movedTombstone(admitted.handle, 0)
  const claim = () => store.claim(previous.handle, tombstone, clock.now(), ownerOf(previous.meta))
  const document = await withReferences(engine, undefined, previous, () =>
    ask(engine, 'claim', claim()),
  )
  if (document !== undefined) {
    return next.keepData ? merged(engine, admitted, previous, document, next.fields) : admitted
  }
  await end(engine, admitted.handle, admitted)
  return undefined
}

async function admit(
  engine: Engine,
  request: unknown,
  owner: UserKey,
  { meta, body, fields }: Next,
): Promise<Stored> {
  const { store, clock, limit, events } = engine
  const document = checked(engine, encodeDocument(meta, body), fields)
  for (let tries = 0; tries < MOST_IDS; tries++) {
    const id = await newSessionId(tagOf(owner), engine.generateId, request)
    const handle = handleOf(id)
    const now = clock.now()
    const admission = { owner, document, ttl: ttlOf(meta, now), now, ...(limit && { limit }) }
    const outcome = await withReferences(engine, { handle, meta, body }, undefined, () =>
      ask(engine, 'admit', store.users.admit(handle, admission)),
    )
    if (outcome.kind === 'rejected') throw limitError(limit?.most ?? 0)
    if (outcome.kind === 'taken') continue
    const userId = meta.signIn?.userId ?? ''
    tellRevoked(engine, outcome.evicted, 'limit', userId)
    events.tell('signedIn', { handle, userId })
    return { handle, id, meta, body }
  }
  throw repeatingIds()
}

/** What parallel requests wrote to the old session since it was read goes along; own changes win. */
async function merged(
  engine: Engine,
  admitted: Stored,
  previous: Stored,
  document: string,
  fields: Fields,
): Promise<Stored> {
  const { codec } = engine
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
    const field = JSON.parse(name) as string
    if (to === '') delete fields[field]
    else fields[field] = codec.decode(to)
  }
  if (changes.length === 0) return admitted
  const meta = await update(engine, admitted, { changes, body }, undefined, fields)
  return meta ? { ...admitted, meta, body } : admitted
}

function limitError(most: number): HandstampError {
  return new HandstampError(
    'ERR_SESSION_LIMIT',
    `The user has ${most} live sessions already (maxSessionsPerUser); let them end one, or evict the oldest.`,
  )
}
