/**
 * Sessions of other packages that go on as ours, each once. A pin, named by the old session, settles
 * which session of ours goes on from it; a mark beside that keeps what has ended here from coming back
 * from there. Pin and session lie in different slots, so the pin comes first: it says where to look,
 * and the mark, written in one step with the session, says whether it was there.
 */
import { createHmac, hash } from 'node:crypto'
import { noteActive } from './activity.ts'
import { changesOf } from './changes.ts'
import { encodeDocument } from './document.ts'
import type { Fields, Meta } from './document.ts'
import { ask, askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import { optionError } from './errors.ts'
import { handleOf, tagOf } from './id.ts'
import type { Handle, SessionId } from './id.ts'
import { look, lookUp } from './load.ts'
import type { Found, Loaded } from './load.ts'
import { ttlOf } from './policy.ts'
import { withReferences } from './references.ts'
import type { HeaderLine, Instruction, RequestHead } from './transport.ts'
import { checkedUserId, userKeyOf } from './user.ts'
import type { UserKey } from './user.ts'
import { checked, newRevision } from './write.ts'

/** What a request brings of a session of another package, its signature verified. */
export interface FormerStamp {
  /** The old session id, or whatever names the old session. A secret. */
  readonly id: string
  /** Known to the servers only, where the old package signed its cookies: the new id follows from the first. */
  readonly secrets: readonly string[]
}

/** A session of another package, alive. */
export interface FormerRecord {
  readonly data: Readonly<Record<string, unknown>>
  /** Until it ends without another request; milliseconds. Undefined where it never would. */
  readonly remaining: number | undefined
  /** Whether requests move its end. */
  readonly isSliding: boolean
  /** Whether its cookie outlives the browser. */
  readonly persistent: boolean
  readonly userId: string | undefined
}

/** Contract: where sessions of another package are found. */
export interface FormerSessions {
  /** The package. */
  readonly name: string
  /** The stamp of a request, undefined where there is none or its signature does not hold. */
  read(request: RequestHead): FormerStamp | undefined
  /** Undefined where there is none, or it has ended. */
  load(stamp: FormerStamp): Promise<FormerRecord | 'unreadable' | undefined>
  /** To be called when it has been taken over; `keptFor`: so long it is known here that it was. */
  leave(stamp: FormerStamp, record: FormerRecord, keptFor: number): Promise<unknown>
  /** Its owner signs out: ends it. */
  end(stamp: FormerStamp): Promise<unknown>
  /** Whether nothing is kept for going back: then the old cookie goes as soon as the new one is set. */
  readonly isFinal: boolean
  /** Removes the old cookie. */
  clear(request: RequestHead): readonly HeaderLine[]
}

interface Former {
  readonly source: FormerSessions
  readonly stamp: FormerStamp
}

/** What was found, whether the client is to be given its id, and where it came from. */
export interface Adopted extends Found {
  readonly isCookieDue: boolean
  readonly source: FormerSessions
}

/**
 * Whoever still comes without the new cookie when the session is this old never got it. Earlier it may
 * be on its way, and a newer one after it: a late response must not replace that.
 */
const COOKIE_LOST = 30_000
/** So long beyond its own life it is known that a session was taken over: old servers may prolong it there. */
export const MEMORY: number = 30 * 86_400_000

/** All sessions of other packages that the request names. */
function formersOf(engine: Engine, request: RequestHead): Former[] {
  return engine.migrateFrom.flatMap((source) => {
    const stamp = source.read(request)
    return stamp ? [{ source, stamp }] : []
  })
}

export function hasFormer({ migrateFrom }: Engine, request: RequestHead): boolean {
  return migrateFrom.some((source) => source.read(request) !== undefined)
}

/** The first session that goes on from another package's; undefined where none does. */
export async function adopt(engine: Engine, request: RequestHead): Promise<Adopted | undefined> {
  for (const { source, stamp } of formersOf(engine, request)) {
    const found = await adoptOne(engine, { source, stamp }, request.source)
    if (found && found.standing !== 'none') return { ...found, source }
  }
  return undefined
}

async function adoptOne(
  engine: Engine,
  { source, stamp }: Former,
  request: unknown,
): Promise<Omit<Adopted, 'source'> | undefined> {
  const { store, clock, absoluteTimeout, events } = engine
  const name = hash('sha256', `migrated ${source.name} ${stamp.id}`, 'base64url').slice(0, 25)
  const settled = await askAgain(engine, 'migrate', () => store.pin(name, undefined, 0))
  const before = settled && (await reached(engine, source, stamp, settled))
  if (before && before.standing !== 'none') return before
  const record = await ask(engine, 'migrate', () => source.load(stamp))
  if (record === 'unreadable') events.tell('rejected', { reason: record })
  if (record === undefined || record === 'unreadable') return undefined
  const { userId, remaining = 0 } = record
  const owner = userId === undefined ? undefined : userKeyOf(checkedUserId(userId))
  const id = derivedId(source.name, stamp, stamp.secrets[0] ?? '', owner, name)
  const keptFor = remaining + absoluteTimeout + MEMORY
  const own = handleOf(id)
  const handle =
    settled ?? (await askAgain(engine, 'migrate', () => store.pin(name, own, keptFor))) ?? own
  // Whoever came first knew the session as another user's, and has begun: that one it is, or none.
  if (owner && tagOf(owner) !== tagOf(handle)) return undefined
  const meta = metaOf(engine, record)
  const fields: Fields = { ...record.data }
  const { body } = changesOf('', fields, engine.codec)
  const document = checked(engine, encodeDocument(meta, body), fields)
  const now = clock.now()
  const adoption = { document, ttl: ttlOf(meta, now), now, markTtl: keptFor, owner }
  const outcome = await withReferences(engine, { handle, meta, body }, undefined, () =>
    askAgain(engine, 'adopt', () => store.adopt(handle, adoption)),
  )
  if (outcome === 'known') return reached(engine, source, stamp, handle)
  events.tell('migrated', { handle, userId, from: source.name })
  // Told where it fails; the session goes on all the same.
  await ask(engine, 'leave', () => source.leave(stamp, record, keptFor)).catch(() => undefined)
  const isMine = handle === own
  const loaded: Loaded = { handle, id: isMine ? id : undefined, meta, body, fields }
  noteActive(engine, request, loaded, undefined)
  return { standing: 'live', loaded, isCookieDue: isMine }
}

/** What became of the session that was settled on, under the id that follows from one of the secrets. */
async function reached(
  engine: Engine,
  source: FormerSessions,
  stamp: FormerStamp,
  handle: Handle,
): Promise<Omit<Adopted, 'source'>> {
  const tag = tagOf(handle)
  const id = [...stamp.secrets, '']
    .map((secret) => (tag + derived(source.name, stamp, secret)) as SessionId)
    .find((candidate) => handleOf(candidate) === handle)
  const { standing, loaded } = id ? await lookUp(engine, id, look) : await look(engine, handle)
  const isOld = loaded && engine.clock.now() - loaded.meta.createdAt > COOKIE_LOST
  const isCookieDue = isOld === true && loaded?.id !== undefined
  return { standing, ...(loaded && { loaded }), isCookieDue }
}

/** A sign-out ends the sessions of other packages too: servers that still run them must not accept them. */
export async function endFormers(engine: Engine, request: RequestHead): Promise<void> {
  const ending = formersOf(engine, request).map(({ source, stamp }) =>
    // Told where it fails; here they have ended, and do not come back.
    ask(engine, 'endFormer', () => source.end(stamp)).catch(() => undefined),
  )
  await Promise.all(ending)
}

/** What removes old cookies: all of the request with its own, that of the adopted session where it is final. */
export function formerLines(
  engine: Engine,
  request: RequestHead,
  { kind }: Instruction,
  adopted: FormerSessions | undefined,
): readonly HeaderLine[] {
  const gone = kind === 'clear' ? engine.migrateFrom : adopted?.isFinal ? [adopted] : []
  return gone.filter((source) => source.read(request)).flatMap((source) => source.clear(request))
}

function derivedId(
  source: string,
  stamp: FormerStamp,
  secret: string,
  owner: UserKey | undefined,
  name: string,
): SessionId {
  return ((owner ? tagOf(owner) : name.slice(0, 3)) + derived(source, stamp, secret)) as SessionId
}

function derived(source: string, { id }: FormerStamp, secret: string): string {
  return createHmac('sha256', `handstamp ${secret}`).update(`${source} ${id}`).digest('base64url')
}

/**
 * Lives on for as long as the old session would have, or for as long as one that begins now, whichever
 * is longer; one that did not slide ends when it would have.
 */
function metaOf(engine: Engine, record: FormerRecord): Meta {
  const { absoluteTimeout, clock } = engine
  const { remaining = absoluteTimeout, isSliding, persistent, userId } = record
  const now = clock.now()
  return {
    revision: newRevision(),
    createdAt: now,
    lastSeenAt: now,
    idleTimeout: Math.max(engine.idleTimeout, record.remaining ?? 0),
    absoluteDeadline: now + (isSliding ? Math.max(absoluteTimeout, remaining) : remaining),
    persistent,
    // When the user proved who they are is not known: long ago, as far as requireFresh is concerned.
    ...(userId === undefined ? {} : { signIn: { userId, at: 0 } }),
  }
}

/** Throws ERR_OPTION. */
export function checkedSources(sources: unknown): readonly FormerSessions[] {
  if (sources === undefined) return []
  const isSource = (one: unknown): one is FormerSessions =>
    typeof (one as FormerSessions | null | undefined)?.load === 'function'
  if (Array.isArray(sources) && sources.every(isSource)) return sources
  throw optionError(
    'migrateFrom must be an array of sources from handstamp/migrate, such as fromExpressSession({ … }).',
  )
}
