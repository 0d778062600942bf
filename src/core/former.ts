/**
 * Sessions of other packages that go on as ours. Each is taken over once: the new id follows from the
 * old one, so that parallel requests meet in one session, and a mark beside it keeps what has ended
 * here from coming back from there.
 */
import { createHmac, hash } from 'node:crypto'
import { noteActive } from './activity.ts'
import { changesOf } from './changes.ts'
import { encodeDocument } from './document.ts'
import type { Fields, Meta } from './document.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { optionError } from './errors.ts'
import { handleOf, tagOf } from './id.ts'
import type { SessionId } from './id.ts'
import { read } from './load.ts'
import type { Loaded } from './load.ts'
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
  /** Known to the servers only, where the old package signed its cookies: keys the new id. */
  readonly secret: string
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
  /** To be called when it has been taken over. */
  leave(stamp: FormerStamp, record: FormerRecord): Promise<unknown>
  /** Its owner signs out: ends it. */
  end(stamp: FormerStamp): Promise<unknown>
  /** Whether nothing is kept for going back: then the old cookie goes as soon as the new one is set. */
  readonly isFinal: boolean
  /** Removes the old cookie. */
  clear(request: RequestHead): readonly HeaderLine[]
}

export interface Former {
  readonly source: FormerSessions
  readonly stamp: FormerStamp
}

/**
 * Whoever still comes without the new cookie when the session is this old never got it. Earlier it may
 * be on its way, and a newer one after it: a late response must not replace that.
 */
const COOKIE_LOST = 30_000

/** The first session of another package that the request names. */
export function formerOf(engine: Engine, request: RequestHead): Former | undefined {
  for (const source of engine.migrateFrom) {
    const stamp = source.read(request)
    if (stamp) return { source, stamp }
  }
  return undefined
}

/** The session that goes on from the other package's, and whether the client is to be given its id. */
export async function adopt(
  engine: Engine,
  { source, stamp }: Former,
  request: unknown,
): Promise<{ readonly loaded: Loaded; readonly isCookieDue: boolean } | undefined> {
  const record = await ask(engine, 'migrate', source.load(stamp))
  if (record === 'unreadable') engine.events.tell('rejected', { reason: record })
  if (record === undefined || record === 'unreadable') return undefined
  const { data, remaining = 0, userId } = record
  const owner = userId === undefined ? undefined : userKeyOf(checkedUserId(userId))
  const { id, mark } = namesOf(source.name, stamp, owner)
  const handle = handleOf(id)
  const meta = metaOf(engine, record)
  const fields: Fields = { ...data }
  const { body } = changesOf('', fields, engine.codec)
  const document = checked(engine, encodeDocument(meta, body), fields)
  const now = engine.clock.now()
  const markTtl = remaining + engine.absoluteTimeout
  const adoption = { mark, document, ttl: ttlOf(meta, now), now, markTtl, owner }
  const outcome = await withReferences(engine, { handle, meta, body }, undefined, () =>
    ask(engine, 'adopt', engine.store.adopt(handle, adoption)),
  )
  if (outcome === 'adopted') {
    engine.events.tell('migrated', { handle, userId, from: source.name })
    await ask(engine, 'leave', source.leave(stamp, record))
    const loaded = { handle, id, meta, body, fields }
    noteActive(engine, request, loaded, undefined)
    return { loaded, isCookieDue: true }
  }
  const { loaded } = await read(engine, handle, id)
  return loaded && { loaded, isCookieDue: now - loaded.meta.createdAt > COOKIE_LOST }
}

/** A sign-out ends the session in the other package too: servers that still run it must not accept it. */
export async function endFormer(engine: Engine, request: RequestHead): Promise<void> {
  const former = formerOf(engine, request)
  if (former) await ask(engine, 'endFormer', former.source.end(former.stamp))
}

/** What removes the old cookies of a request, where its own cookie is set or removed. */
export function formerLines(
  engine: Engine,
  request: RequestHead,
  { kind }: Instruction,
): readonly HeaderLine[] {
  return engine.migrateFrom
    .filter((source) => (kind === 'clear' || source.isFinal) && source.read(request))
    .flatMap((source) => source.clear(request))
}

function namesOf(
  name: string,
  { id, secret }: FormerStamp,
  owner: UserKey | undefined,
): { readonly id: SessionId; readonly mark: string } {
  const derived = createHmac('sha256', `handstamp ${secret}`).update(`${name} ${id}`)
  const text = derived.digest('base64url')
  const place = hash('sha256', `migrated ${name} ${id}`, 'base64url')
  const tag = owner ? tagOf(owner) : place.slice(0, 3)
  return { id: (tag + text) as SessionId, mark: tag + place.slice(3, 25) }
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
