/** One request's outcome, decided in one place: what the store does and what the client's cookie does. */
import type { Changes } from './changes.ts'
import type { DropReason } from './events.ts'

/** What the request's id turned out to be. */
export type Standing =
  /** No id, or one that names no session. */
  | 'none'
  | 'live'
  /** It got a new id a moment ago: a newer cookie is on its way to the client. */
  | 'moved'
  /** Its owner destroyed it a moment ago. */
  | 'ended'
  /** It ended while this request worked on it. */
  | 'gone'

export interface Situation {
  readonly standing: Standing
  /** The request brought at least one id. */
  readonly presented: boolean
  /** What the handler asked for: `keep` unless it regenerated or assigned null. */
  readonly intent: 'keep' | 'regenerate' | 'destroy'
  /** Data or limits differ from what is stored. */
  readonly changed: boolean
  /** The session holds at least one field, or a user. */
  readonly filled: boolean
  /** The handler called save() itself. */
  readonly explicit: boolean
  /** The handler called discard(): nothing of this request is written. */
  readonly discarded: boolean
  readonly touchDue: boolean
  /** The cookie has an end that this request moves. */
  readonly cookieDue: boolean
  /** The first byte of the response has left: no cookie can be set any more. */
  readonly headSent: boolean
}

export interface Plan {
  readonly store: 'none' | 'create' | 'update' | 'touch' | 'regenerate' | 'destroy'
  readonly cookie: 'keep' | 'set' | 'clear'
  /** A change there was, and why it is not written. */
  readonly dropped?: DropReason
}

/** A plan, and what it is to write. */
export interface Decision extends Changes {
  readonly plan: Plan
}

const NOTHING: Plan = { store: 'none', cookie: 'keep' }
const DESTROY: Plan = { store: 'destroy', cookie: 'clear' }

/**
 * The cookie is set or cleared only by a request that itself created, regenerated or ended the
 * session, or changed its limits: a late response never harms a newer cookie.
 */
export function plan(situation: Situation): Plan {
  if (situation.discarded) return NOTHING
  switch (situation.standing) {
    case 'none':
      if (situation.intent !== 'destroy') return creation(situation)
      return situation.presented ? DESTROY : NOTHING
    case 'live':
      return change(situation)
    case 'ended':
      // A new id is asked for in so many words: whoever signs in after a sign-out gets a session.
      return situation.intent === 'regenerate' ? creation(situation) : drop(situation, 'ended')
    case 'moved':
    case 'gone':
      return drop(situation, situation.standing)
  }
}

function creation({ filled, explicit, headSent }: Situation): Plan {
  if (!filled && !explicit) return NOTHING
  return headSent ? { ...NOTHING, dropped: 'head-sent' } : { store: 'create', cookie: 'set' }
}

function change({
  intent,
  changed,
  filled,
  explicit,
  touchDue,
  cookieDue,
  headSent,
}: Situation): Plan {
  if (intent === 'destroy') return DESTROY
  if (intent === 'regenerate') {
    if (headSent) return { ...NOTHING, dropped: 'head-sent' }
    // Regenerated without data and nothing written since: there is nothing to keep a session for.
    return filled || explicit ? { store: 'regenerate', cookie: 'set' } : DESTROY
  }
  const cookie = cookieDue && !headSent ? 'set' : 'keep'
  if (changed) return { store: 'update', cookie }
  return touchDue ? { store: 'touch', cookie } : NOTHING
}

function drop({ changed, explicit, intent }: Situation, dropped: DropReason): Plan {
  return changed || explicit || intent !== 'keep' ? { ...NOTHING, dropped } : NOTHING
}
