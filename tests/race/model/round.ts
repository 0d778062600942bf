/** Requests that run at once: what each does, and what must hold when all have arrived. */
import assert from 'node:assert/strict'
import type { AsyncCommand } from 'fast-check'
import { HandstampError } from '../../../src/index.ts'
import type { Session } from '../../../src/index.ts'
import type { Data, Seen, Site, User } from './site.ts'

export type Deed =
  | { readonly kind: 'read' | 'write' | 'increment' | 'update' | 'regenerate' }
  | { readonly kind: 'reauthenticate' | 'signOut' | 'destroy' | 'revokeOthers' }
  | { readonly kind: 'signIn' | 'revokeAll'; readonly user: User }
  /** Ends the session that the browser of that number had when the round began. */
  | { readonly kind: 'revoke'; readonly of: number }

export interface Request {
  readonly browser: number
  readonly deed: Deed
}

/** A request that has got what it asked for. */
interface Done extends Request {
  /** The field that a write has set. */
  readonly wrote?: string
  /** The user of its session when it ended others. */
  readonly userThen?: string | undefined
}

/** What a request may be told where another one was faster, or its browser is nobody's. */
const REFUSALS = ['ERR_SESSION_GONE', 'ERR_NOT_SIGNED_IN', 'ERR_HEAD_SENT']

export class Round implements AsyncCommand<object, Site> {
  readonly #requests: readonly Request[]

  constructor(requests: readonly Request[]) {
    this.#requests = requests
  }

  check(): boolean {
    return true
  }

  async run(_: object, site: Site): Promise<void> {
    const done: Done[] = []
    const requests = this.#requests.map((request) => async () => {
      const step = await site.browsers[request.browser]!.request()
      try {
        done.push({ ...request, ...(await perform(site, step.session, request.deed)) })
      } catch (error) {
        if (!(error instanceof HandstampError) || !REFUSALS.includes(error.code)) throw error
      }
      await step.settle()
      step.arrive()
    })
    await site.atOnce(requests)
    const before = [...site.seen]
    for (const [at, seen] of before.entries()) {
      const fate = fateOf(at, seen, before, done)
      if (fate === 'ended' && seen) site.ended.add(seen.fields['born'] ?? 0)
      if (fate === 'goes on' && seen) await checkLine(site, at, seen, done, this.#requests)
    }
    await checkAll(site)
  }

  toString(): string {
    return this.#requests
      .map(({ browser, deed }) => `${browser}: ${Object.values(deed).join(' ')}`)
      .join(' | ')
  }
}

async function perform(
  site: Site,
  session: Session<Data>,
  deed: Deed,
): Promise<Omit<Done, keyof Request>> {
  const field = `w${site.number()}` as const
  if (deed.kind !== 'read' && deed.kind !== 'destroy') session.born ??= site.number()
  switch (deed.kind) {
    case 'read':
      return {}
    case 'write':
      session[field] = 1
      await session.save()
      return { wrote: field }
    case 'increment':
      await session.increment('count')
      return {}
    case 'update':
      await session.update('count', (count = 0) => count + 1)
      return {}
    case 'regenerate':
      await session.regenerate({ keepData: true })
      await session.save()
      return {}
    case 'signIn':
      await session.signIn(deed.user)
      return {}
    case 'reauthenticate':
      await session.reauthenticate()
      return {}
    case 'signOut':
    case 'destroy':
      await session[deed.kind]()
      return {}
    case 'revoke': {
      const { user, handle } = site.seen[deed.of] ?? {}
      if (user !== undefined && handle !== undefined) await site.sessions.user(user).revoke(handle)
      return {}
    }
    case 'revokeOthers': {
      const { userId } = session.meta
      if (userId !== undefined) await site.sessions.user(userId).revokeOthers(session)
      return { userThen: userId }
    }
    case 'revokeAll':
      await site.sessions.user(deed.user).revokeAll()
      return {}
  }
}

/** What became of the session that a browser had before, as far as the round leaves no choice. */
function fateOf(
  browser: number,
  seen: Seen | undefined,
  before: readonly (Seen | undefined)[],
  done: readonly Done[],
): 'goes on' | 'ended' | 'either' {
  const isMoved = (by: number): boolean =>
    done.some(({ browser: at, deed }) => {
      return at === by && ['regenerate', 'reauthenticate', 'signIn'].includes(deed.kind)
    })
  let fate: 'goes on' | 'ended' | 'either' = 'goes on'
  for (const { browser: by, deed, userThen } of done) {
    // Who ends an old id does not end the one that has come after it.
    const isOwn = (deed.kind === 'signOut' || deed.kind === 'destroy') && by === browser
    const isNamed = deed.kind === 'revoke' && deed.of === browser && seen?.user !== undefined
    // Ends whoever is the user's, by whatever id; a sign-in beside it may be before or after it.
    const isOfAll = deed.kind === 'revokeAll' && (deed.user === seen?.user || isMoved(browser))
    const isOther = deed.kind === 'revokeOthers' && userThen !== undefined && by !== browser
    const isOfOthers = isOther && (userThen === seen?.user || isMoved(browser))
    // The one that is kept is kept under the id that it had.
    const isKept = deed.kind === 'revokeOthers' && by === browser && isMoved(browser)
    if (!isOwn && !isNamed && !isOfAll && !isOfOthers && !isKept) continue
    const hasChoice = isKept || isMoved(browser) || (isOfOthers && userThen !== before[by]?.user)
    if (!hasChoice) fate = 'ended'
    else if (fate === 'goes on') fate = 'either'
  }
  return fate
}

/** No update is lost, no refused one is kept, and the browser has the cookie of the one live session. */
async function checkLine(
  site: Site,
  browser: number,
  before: Seen,
  done: readonly Done[],
  requests: readonly Request[],
): Promise<void> {
  const now = await site.look(browser)
  const mine = done.filter((one) => one.browser === browser)
  const added = mine.filter(({ deed }) => deed.kind === 'increment' || deed.kind === 'update')
  const count = (before.fields['count'] ?? 0) + added.length
  const wrote = mine.flatMap(({ wrote: field }) => (field === undefined ? [] : [[field, 1]]))
  assert.deepEqual(now?.fields, {
    ...before.fields,
    ...(count > 0 && { count }),
    ...(Object.fromEntries(wrote) as Record<string, number>),
  })
  const signIns = mine.flatMap(({ deed }) => (deed.kind === 'signIn' ? [deed.user] : []))
  // Of parallel sign-ins with one id one succeeds.
  assert.ok(signIns.length <= 1)
  assert.equal(now?.user, signIns[0] ?? before.user)
  if (signIns.length > 0) assert.notEqual(now?.handle, before.handle)
  // Nobody was in the way.
  const [only, ...others] = requests
  const isAlone = only?.browser === browser && others.length === 0
  if (isAlone && (before.user !== undefined || only.deed.kind !== 'reauthenticate'))
    assert.equal(mine.length, 1)
}

/** What holds at any time. Keeps in mind what each browser sees. */
export async function checkAll(site: Site): Promise<void> {
  const live = await site.live()
  const born = live.flatMap((session) => session.born ?? [])
  assert.deepEqual(
    born.filter((one) => site.ended.has(one)),
    [],
  )
  // Of parallel regenerations one leaves a session.
  assert.equal(new Set(born).size, born.length)
  for (const user of ['ann', 'bob']) {
    const { sessions } = await site.sessions.user(user).list()
    const listed = sessions.map(({ handle }) => handle).toSorted()
    const wanted = live.filter((session) => session.user === user).map(({ handle }) => handle)
    assert.deepEqual(listed, wanted.toSorted())
    assert.equal(await site.sessions.user(user).count(), wanted.length)
  }
  for (const browser of site.browsers.keys()) site.seen[browser] = await site.look(browser)
  site.bury(live)
}
