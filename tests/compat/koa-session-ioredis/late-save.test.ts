/** A request that saves after a logout does not bring the session back; what is new in a request is stored. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { barrier } from '../../e2e/support/barrier.ts'
import { inBatches } from '../../support/engines.ts'
import { foreignPrefix, freshPrefix } from '../../support/redis.ts'
import { genericHost, koaSessionHost, ourGenericHost } from './support/hosts.ts'
import type { Context, Host, MakeHost } from './support/hosts.ts'
import { eyes, ours, parent } from './support/stores.ts'

/** Quick by default; LONG=1 runs the number that the guide names. */
const ROUNDS = process.env['LONG'] ? 10_000 : 2000

/** A middleware that saves another object than it has loaded, and says whether the session is new. */
const isNewHost: MakeHost = (store, prefix) => ({
  keyOf: (sid) => prefix + sid,
  async visit(sid = randomUUID(), handler) {
    const found = await store.get(prefix + sid)
    const ctx = { session: { ...(found as object) } } as Context
    await handler?.(ctx)
    if (ctx.session) await store.set(prefix + sid, ctx.session, 60_000, { isNew: !found })
    else await store.destroy(prefix + sid)
    return sid
  },
})

const middlewares: [string, MakeHost][] = [
  ['koa-generic-session 2.3.1', genericHost],
  ['koa-session 7', koaSessionHost],
]

describe.each([
  ...middlewares,
  ['our koa-generic-session', ourGenericHost] as const,
  ['a middleware that says isNew', isNewHost] as const,
])('under %s', (_, makeHost) => {
  test(`0 of ${ROUNDS} sessions come back by a save that ends after the logout`, async () => {
    const { store } = ours({ enableAutoPipelining: true })
    const host = makeHost(store, freshPrefix())
    // Half of the saves begin when the logout is acknowledged, the others race it.
    expect(await comeBack(host, ROUNDS, (at) => at % 2 === 1)).toBe(0)
  })
})

describe.each(middlewares)('under %s', (_, makeHost) => {
  test('koa-redis 4.0.1 brings back each session that a slower request saves', async () => {
    const host = makeHost(parent().store, foreignPrefix())
    expect(await comeBack(host, 60, () => false)).toBe(60)
  })

  /** A host on our store, and what lies under the key of a session. */
  function start(options?: object): { host: Host; stored(sid?: string): Promise<unknown> } {
    const host = makeHost(ours().store, freshPrefix(), options)
    const redis = eyes()
    return {
      host,
      stored: async (sid = '') => JSON.parse((await redis.get(host.keyOf(sid))) ?? 'null'),
    }
  }

  const write = (n: number) => (ctx: Context) => void (ctx.session!['n'] = n)

  test('a session that is still there is saved, once and again', async () => {
    const { host, stored } = start()
    const sid = await host.visit(undefined, write(1))
    for (const n of [2, 3]) {
      expect(await host.visit(sid, write(n))).toBe(sid)
      expect(await stored(sid)).toMatchObject({ n })
    }
  })

  test('a session whose data are replaced is saved', async () => {
    const { host, stored } = start()
    const sid = await host.visit(undefined, write(1))
    await host.visit(sid, (ctx) => void (ctx.session = { n: 2 }))
    expect(await stored(sid)).toMatchObject({ n: 2 })
  })

  test('a session under a new id with the old data is stored, the old one gone', async () => {
    const { host, stored } = start()
    const old = await host.visit(undefined, write(1))
    const sid = await host.visit(old, regenerate)
    expect(sid).not.toBe(old)
    expect(await stored(old)).toBeNull()
    expect(await stored(sid)).toMatchObject({ n: 1 })
  })

  test('a session that is regenerated under the same id is stored', async () => {
    const id = freshPrefix()
    const { host, stored } = start({ genSid: () => id, genid: () => id })
    const sid = await host.visit(undefined, write(1))
    await host.visit(sid, async (ctx) => {
      await regenerate(ctx)
      ctx.session = { n: 2 }
    })
    expect(await stored(sid)).toMatchObject({ n: 2 })
  })

  test('an id without a session does not keep a new session from being stored', async () => {
    const { host, stored } = start()
    const sid = await host.visit('unknown', write(1))
    expect(sid).not.toBe('unknown')
    expect(await stored(sid)).toMatchObject({ n: 1 })
  })
})

test('koa-generic-session 2.3.1 does not say that a replaced session was loaded: it is created', async () => {
  // The limit that the guide names. With isNew, as above, there is none.
  const host = genericHost(ours().store, freshPrefix())
  expect(
    await comeBack(
      host,
      60,
      () => false,
      (ctx) => void (ctx.session = {}),
    ),
  ).toBe(60)
})

/** Each middleware in its own way, keeping the data; koa-generic-session saves them only with a change. */
async function regenerate(ctx: Context): Promise<void> {
  const { session } = ctx
  if (typeof session!['regenerate'] === 'function') await session!['regenerate']()
  else {
    await ctx.regenerateSession()
    ctx.session = session
    session!['isRegenerated'] = true
  }
}

/** Logs visitors out while another request of theirs is under way. How many sessions are there afterwards? */
async function comeBack(
  host: Host,
  rounds: number,
  isRace: (at: number) => boolean,
  change = (ctx: Context): void => void (ctx.session!['late'] = true),
): Promise<number> {
  const redis = eyes()
  const keys: string[] = []
  await inBatches(rounds, 200, async (at) => {
    const sid = await host.visit(undefined, (ctx) => void (ctx.session!['user'] = at))
    const [loaded, gate] = [barrier(), barrier()]
    const slow = host.visit(sid, async (ctx) => {
      expect(ctx.session).toMatchObject({ user: at })
      loaded.open()
      await gate.passed
      change(ctx)
    })
    await loaded.passed
    await host.visit(sid, (ctx) => {
      ctx.session = null
      if (isRace(at)) gate.open()
    })
    gate.open()
    await slow
    keys.push(host.keyOf(sid!))
  })
  expect(keys).toHaveLength(rounds)
  return redis.exists(keys)
}
