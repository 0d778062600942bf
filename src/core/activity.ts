/**
 * Who was active lately: a note per session and user, written after the response, once per touch
 * interval. Statistics: the notes lie elsewhere than the sessions, and no step covers both.
 */
import { inBackground } from './background.ts'
import type { Device } from './device.ts'
import { decodeMetaLine } from './document.ts'
import type { Meta } from './document.ts'
import { milliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { answerOf } from './answer.ts'
import { askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import { optionError } from './errors.ts'
import type { Handle } from './id.ts'
import { isNoteDue, judge } from './policy.ts'
import { userKeyOf } from './user.ts'
import type { UserKey } from './user.ts'

export interface ActivityOptions {
  /**
   * Counts several applications on one Redis apart: gets the framework's request and returns a short
   * name. Take it from a fixed list: every name has keys of its own. Default: all are `'default'`.
   */
  readonly namespace?: (request: unknown) => string | undefined
  /** How long it is known who was active: the longest window that can be asked for. Default `'1d'`. */
  readonly keep?: Duration
}

/** The option, checked and completed. */
export interface ActivityRules {
  readonly keep: number
  readonly namespaceOf: (request: unknown) => string
}

export interface ActivityQuery {
  /** Which application; what the option `namespace` returns. Default `'default'`. */
  readonly namespace?: string
  /** How many of the latest sessions to describe, 0 to 100. Default 20. */
  readonly limit?: number
}

export interface ActiveSession {
  /** Names the session in `sessions.find` and `sessions.revoke`. */
  readonly handle: Handle
  readonly userId: string | undefined
  readonly device: Device | undefined
  readonly lastSeenAt: Date
}

export interface ActivityReport {
  /** How many sessions were active; those that have expired since count, those that were ended do not. */
  readonly sessions: number
  /** How many different users they belong to. */
  readonly users: number
  /** Live sessions, the one seen last first. */
  readonly recent: readonly ActiveSession[]
}

interface Seen {
  readonly handle: Handle
  readonly meta: Meta
}

const EVERYBODY = 'default'
const MOST = 100

/** Throws ERR_OPTION; undefined where no activity is kept. */
export function activityRules(option: unknown): ActivityRules | undefined {
  if (option === undefined || option === false) return undefined
  const given = option === true ? {} : option
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw optionError('activity must be true, or an object with namespace and keep.')
  }
  const { namespace, keep = '1d', ...unknown } = given as ActivityOptions
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw optionError(`activity has no option '${name}'; it takes namespace and keep.`)
  }
  if (namespace !== undefined && typeof namespace !== 'function') {
    throw optionError('activity.namespace must be a function from the request to a name.')
  }
  return {
    keep: milliseconds('activity.keep', keep),
    namespaceOf: (request) => {
      const chosen = namespace && answerOf('activity.namespace', () => namespace(request))
      return typeof chosen === 'string' && chosen !== '' ? chosen : EVERYBODY
    },
  }
}

/**
 * To be called with a session that was just written or touched, and how it was before that in this
 * request. One that goes on under the same handle is noted once per touch interval, however often it
 * is written; its former handle is forgotten.
 */
export function noteActive(
  engine: Engine,
  request: unknown,
  { handle, meta }: Seen,
  before: Seen | undefined,
): void {
  const { activity, store, clock, touchInterval } = engine
  if (!activity) return
  const seenAt = clock.now()
  const isSame = before?.handle === handle
  if (isSame && !isNoteDue(before.meta, touchInterval, seenAt)) return
  const owner = ownerOf(meta)
  inBackground(engine, 'noteActive', () => {
    const namespace = activity.namespaceOf(request)
    return store.activity.note({ handle, owner, namespace, seenAt, keep: activity.keep })
  })
  if (!before || isSame) return
  const formerOwner = ownerOf(before.meta)
  forgetActive(engine, [before.handle], formerOwner === owner ? undefined : formerOwner)
}

/** To be called when sessions have ended; their user goes too where no session of theirs is left. */
export function forgetActive(
  engine: Engine,
  handles: readonly Handle[],
  owner: UserKey | undefined,
): void {
  const { activity, store, clock } = engine
  if (!activity || handles.length === 0) return
  const endedAt = clock.now()
  inBackground(engine, 'forgetActive', async () => {
    const isLast = owner && (await store.users.count(owner, endedAt)) === 0
    await store.activity.forget(handles, isLast ? { owner, seenBy: endedAt } : undefined)
  })
}

/** In two round trips, one with `limit: 0`. Rejects with ERR_OPTION, ERR_STORE, ERR_STORE_TIMEOUT. */
export async function activityOf(
  engine: Engine,
  window: Duration,
  query: ActivityQuery = {},
): Promise<ActivityReport> {
  const { store, clock } = engine
  const { namespace, limit } = checkedQuery(query)
  const now = clock.now()
  const since = now - checkedWindow(engine, window)
  const active = await askAgain(engine, 'activity', () =>
    store.activity.since(namespace, since, limit),
  )
  const documents = await askAgain(engine, 'activity', () =>
    Promise.all(active.recent.map((handle) => store.load(handle))),
  )
  const recent: ActiveSession[] = []
  const gone: Handle[] = []
  for (const [at, handle] of active.recent.entries()) {
    const meta = decodeMetaLine(documents[at]?.split('\n', 1)[0] ?? '')
    if (meta && judge(meta, now) === 'live') recent.push(describe(handle, meta))
    else gone.push(handle)
  }
  forgetActive(engine, gone, undefined)
  // The documents know better than the notes, which are as old as the last touch.
  const latest = recent.toSorted((a, b) => Number(b.lastSeenAt) - Number(a.lastSeenAt))
  return { sessions: active.sessions - gone.length, users: active.users, recent: latest }
}

function checkedQuery(query: ActivityQuery): Required<ActivityQuery> {
  if (typeof query !== 'object' || query === null) {
    throw optionError('activity takes a window, and an object with namespace and limit.')
  }
  const { namespace = EVERYBODY, limit = 20, ...unknown } = query
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw optionError(`activity has no option '${name}'; it takes namespace and limit.`)
  }
  if (typeof namespace !== 'string' || namespace === '') {
    throw optionError('namespace must be what the option activity.namespace returns.')
  }
  if (Number.isSafeInteger(limit) && limit >= 0 && limit <= MOST) return { namespace, limit }
  throw optionError(`limit must be a whole number from 0 to ${MOST}.`)
}

function checkedWindow({ activity }: Engine, window: Duration): number {
  if (!activity) {
    throw optionError('Who is active is not noted: give createSessions the option activity: true.')
  }
  const length = milliseconds('window', window)
  if (length <= activity.keep) return length
  throw optionError(
    `window must be at most activity.keep (${activity.keep} ms): nothing older is known.`,
  )
}

function describe(handle: Handle, { signIn, lastSeenAt }: Meta): ActiveSession {
  const { userId, device } = signIn ?? {}
  return { handle, userId, device, lastSeenAt: new Date(lastSeenAt) }
}

function ownerOf({ signIn }: Meta): UserKey | undefined {
  return signIn && userKeyOf(signIn.userId)
}
