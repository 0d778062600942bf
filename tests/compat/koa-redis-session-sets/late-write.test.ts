/** Does a request that finishes after a logout bring the session back? */
import { expect, test } from 'vitest'
import sessionSets from '../../../src/compat/koa-redis-session-sets.ts'
import type { Session, SessionContext } from '../../../src/compat/koa-redis-session-sets.ts'
import { freshPrefix } from '../../support/redis.ts'
import { DocumentedStore } from './documented.ts'
import { connected } from './site.ts'

/** Quick by default; LONG=1 runs the number that the guide names. */
const ROUNDS = process.env['LONG'] ? 10_000 : 2000
const BATCH = 500

/** What the slow request does after the other one has logged out. */
const late: Record<string, (session: Session) => Promise<unknown>> = {
  set: (session) => session.set({ seen: 'late' }),
  'set of a reference': (session) => session.set({ user_id: 'ann', seen: 'late' }),
  touch: (session) => session.touch(),
  unset: (session) => session.unset(['cart']),
  createCSRFToken: (session) => session.createCSRFToken(),
}

test(`of ${ROUNDS} writes after a logout none brings the session back`, async () => {
  const client = connected()
  const prefix = freshPrefix()
  const { store, createSession } = sessionSets({}, { client, prefix, references: { user_id: {} } })
  const verbs = Object.values(late)
  const outcomes = new Map<string, number>()
  for (let from = 0; from < ROUNDS; from += BATCH) {
    const ids = Array.from({ length: BATCH }, () => store.createSessionId())
    const stored = client.pipeline()
    for (const [at, id] of ids.entries()) {
      const [key, set] = [store.getSessionKey(id), store.getReferenceKey('user_id', from + at)]
      stored.hset(key, { id, user_id: from + at, cart: 1 }).pexpire(key, 60_000)
      stored.sadd(set, id).pexpire(set, 60_000)
    }
    await stored.exec()
    const ended = await Promise.all(
      ids.map(async (id, at) => {
        const [slow, other] = [request(id), request(id)]
        const session = createSession(slow)
        await session.get()
        await createSession(other).delete()
        await verbs[at % verbs.length]?.(session)
        const isBack = (await client.exists(store.getSessionKey(id))) === 1
        // The late response leaves the cookie of the browser alone, whoever has signed in meanwhile.
        return `${isBack ? 'back' : 'gone'}, ${slow.sent.length} cookies`
      }),
    )
    for (const outcome of ended) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect(Object.fromEntries(outcomes)).toEqual({ 'gone, 0 cookies': ROUNDS })
  expect(await client.keys(`${prefix}*`)).toEqual([])
})

test('where logout and write are sent at once, the session is gone in the end', async () => {
  const client = connected()
  const { store, createSession } = sessionSets(
    {},
    { client, prefix: freshPrefix(), references: { user_id: {} } },
  )
  let back = 0
  for (let round = 0; round < 500; round++) {
    const id = store.createSessionId()
    await store.set(id, { user_id: 1 })
    const sessions = [0, 1, 2].map(() => createSession(request(id)))
    await Promise.all(sessions.map((session) => session.get()))
    await Promise.all([
      sessions[0]?.set({ a: 1 }),
      sessions[1]?.delete(),
      sessions[2]?.set({ user_id: 2 }),
    ])
    back += await client.exists(store.getSessionKey(id))
  }
  expect(back).toBe(0)
})

test('a write that did not load the session makes a new one, and leaves the old id dead', async () => {
  const client = connected()
  const { store, createSession } = sessionSets({}, { client, prefix: freshPrefix() })
  const id = store.createSessionId()
  await store.set(id, { a: 1 })
  const slow = request(id)
  const session = createSession(slow)
  await createSession(request(id)).delete()
  expect(await session.set({ b: 2 })).not.toBeNull()
  expect(await client.exists(store.getSessionKey(id))).toBe(0)
  expect(slow.sent).toHaveLength(1)
  expect(slow.sent).not.toContain(id)
})

test('the original, as documented, brings it back', async () => {
  const client = connected()
  const store = new DocumentedStore(client, freshPrefix())
  const id = store.createSessionId()
  await store.set(id, { cart: 1 })
  await store.delete(id)
  await store.set(id, { seen: 'late' })
  expect(await store.get(id)).toEqual({ id, seen: 'late' })
})

/** A request with this cookie, and the cookies that its response has sent. */
function request(id: string): SessionContext & { sent: unknown[] } {
  const sent: unknown[] = []
  return {
    sent,
    headerSent: false,
    cookies: { get: () => id, set: (_name, value) => sent.push(value) },
  }
}
