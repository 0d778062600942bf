/** From what a request brought to the one session it stands for. */
import type { Fields, Meta } from './document.ts'
import { decodeDocument } from './document.ts'
import { askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import { handleOf } from './id.ts'
import type { Handle, SessionId } from './id.ts'
import type { Standing } from './plan.ts'
import { judge } from './policy.ts'
import type { Claim } from './transport.ts'
import { end } from './write.ts'

/** A live session as it was read. */
export interface Loaded {
  readonly handle: Handle
  /** Undefined where the client still speaks of the predecessor. */
  readonly id: SessionId | undefined
  /** The predecessor's id, while its grace lasts. */
  readonly formerId?: SessionId | undefined
  readonly meta: Meta
  readonly body: string
  readonly fields: Fields
}

export interface Found {
  readonly standing: Standing
  readonly loaded?: Loaded
  /** What a session that moved has become. */
  readonly successor?: Handle
}

/** What stands under one handle. */
interface Sight extends Found {
  /** Why it is not taken; a moved one still is while its grace lasts. */
  readonly refusal?: 'unknown' | 'ended' | 'moved' | 'idle' | 'absolute'
}

type See = (engine: Engine, handle: Handle, id: SessionId | undefined) => Promise<Sight>

/** A browser sends few cookies of one name (one per path and domain); more are an attack. */
const MOST_CANDIDATES = 4

/**
 * All ids of the request are considered: the one that names a live session wins, two of them are
 * refused, because nobody knows which one an attacker planted (RFC 6265bis section 8.6).
 */
export async function findSession(engine: Engine, claim: Claim): Promise<Found> {
  const { ids, rejected } = claim
  if (rejected) engine.events.tell('rejected', { reason: rejected })
  if (ids.length === 0) return { standing: 'none' }
  if (ids.length > MOST_CANDIDATES) return ambiguous(engine)
  if (ids.length === 1) return lookUp(engine, ids[0] as SessionId)
  const found = await Promise.all(ids.map((id) => lookUp(engine, id)))
  const live = found.filter(({ standing }) => standing === 'live')
  // Within a grace the old and the new id name one session.
  if (new Set(live.map(({ loaded }) => loaded?.handle)).size > 1) return ambiguous(engine)
  return (
    live.find(({ loaded }) => loaded?.id) ??
    live[0] ??
    found.find(({ standing }) => standing !== 'none') ?? { standing: 'none' }
  )
}

/** What a logout may end: all that was looked at. */
export function presentedBy({ ids }: Claim): readonly Handle[] {
  return ids.length > MOST_CANDIDATES ? [] : ids.map(handleOf)
}

/** Ends one of them; which user's list it leaves, and which references, stands in what is stored. */
export async function endPresented(engine: Engine, handle: Handle): Promise<void> {
  const { loaded } = await look(engine, handle)
  await end(engine, handle, loaded)
}

function ambiguous(engine: Engine): Found {
  engine.events.tell('rejected', { reason: 'ambiguous' })
  return { standing: 'none' }
}

/** `see`: `read` where a request brought the id. */
export async function lookUp(engine: Engine, id: SessionId, see: See = read): Promise<Found> {
  const { refusal, ...found } = await see(engine, handleOf(id), id)
  if (!found.successor || refusal) return found
  // Within its grace the old id answers for the new session; one step is all it is good for.
  const { standing, loaded } = await see(engine, found.successor, undefined)
  return loaded ? { standing, loaded: { ...loaded, formerId: id } } : { standing: 'moved' }
}

/** Reads the handle that a request brought, and tells why it was not taken. */
export async function read(
  engine: Engine,
  handle: Handle,
  id: SessionId | undefined,
): Promise<Sight> {
  const found = await look(engine, handle, id)
  const { refusal } = found
  if (refusal === 'idle' || refusal === 'absolute') {
    engine.events.tell('expired', { handle, limit: refusal })
  } else if (refusal) engine.events.tell('rejected', { reason: refusal, handle })
  return found
}

/** Reads one handle and judges what stands there; outside of requests nothing was rejected. */
export async function look(engine: Engine, handle: Handle, id?: SessionId): Promise<Sight> {
  const { events, store, clock, codec } = engine
  const text = await askAgain(engine, 'load', () => store.load(handle))
  if (text === undefined) return { standing: 'none', refusal: 'unknown' }
  const decoded = decodeDocument(text, codec)
  switch (decoded.kind) {
    case 'corrupt':
      events.tell('corrupt', { handle, reason: decoded.reason })
      return { standing: 'none' }
    case 'ended':
      return { standing: 'ended', refusal: 'ended' }
    case 'moved': {
      const { successor } = decoded
      return clock.now() < decoded.graceUntil
        ? { standing: 'moved', successor }
        : { standing: 'moved', successor, refusal: 'moved' }
    }
    case 'live': {
      const judgement = judge(decoded.meta, clock.now())
      if (judgement === 'live') return { standing: 'live', loaded: { handle, id, ...decoded } }
      return { standing: 'none', refusal: judgement === 'idle-expired' ? 'idle' : 'absolute' }
    }
  }
}
