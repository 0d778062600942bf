/** From what a request brought to the one session it stands for. */
import type { Fields, Meta } from './document.ts'
import { decodeDocument } from './document.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { handleOf } from './id.ts'
import type { Handle, SessionId } from './id.ts'
import type { Standing } from './plan.ts'
import { judge } from './policy.ts'
import type { Claim } from './transport.ts'

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
  /** Where to look instead, for as long as a moved session's grace lasts. */
  readonly successor?: Handle
}

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

function ambiguous(engine: Engine): Found {
  engine.events.tell('rejected', { reason: 'ambiguous' })
  return { standing: 'none' }
}

async function lookUp(engine: Engine, id: SessionId): Promise<Found> {
  const found = await read(engine, handleOf(id), id)
  if (!found.successor) return found
  // Within its grace the old id answers for the new session; one step is all it is good for.
  const { standing, loaded } = await read(engine, found.successor, undefined)
  return loaded ? { standing, loaded: { ...loaded, formerId: id } } : { standing: 'moved' }
}

/** Reads one handle and judges what stands there. */
export async function read(
  engine: Engine,
  handle: Handle,
  id: SessionId | undefined,
): Promise<Found> {
  const { events, store, clock, codec } = engine
  const text = await ask(engine, 'load', store.load(handle))
  if (text === undefined) {
    events.tell('rejected', { reason: 'unknown', handle })
    return { standing: 'none' }
  }
  const decoded = decodeDocument(text, codec)
  switch (decoded.kind) {
    case 'corrupt':
      events.tell('corrupt', { handle, reason: decoded.reason })
      return { standing: 'none' }
    case 'ended':
      events.tell('rejected', { reason: 'ended', handle })
      return { standing: 'ended' }
    case 'moved':
      if (clock.now() < decoded.graceUntil)
        return { standing: 'moved', successor: decoded.successor }
      events.tell('rejected', { reason: 'moved', handle })
      return { standing: 'moved' }
    case 'live': {
      const judgement = judge(decoded.meta, clock.now())
      if (judgement === 'live') return { standing: 'live', loaded: { handle, id, ...decoded } }
      events.tell('expired', { handle, limit: judgement === 'idle-expired' ? 'idle' : 'absolute' })
      return { standing: 'none' }
    }
  }
}
