/** A request that ends after the logout does not bring the session back. */
import type { SessionFactory, SessionOptions, Write } from 'handstamp/compat/koa-generic-session'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { barrier } from '../../e2e/support/barrier.ts'
import { inBatches } from '../../support/engines.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { original, ours } from './kit.ts'

/** Quick by default; LONG=1 runs the number that the guide names. */
const ROUNDS = process.env['LONG'] ? 10_000 : 2000

interface Held {
  session: object | null | Promise<object>
  sessionSave: boolean | null
  saveSession(): Promise<void>
  regenerateSession(): Promise<unknown>
  sessionStore: { destroy(sid: string): Promise<void> }
  sessionId: string
}
type Handler = (ctx: Held) => unknown

async function write(ctx: Held): Promise<void> {
  const session = (await ctx.session) as { n?: number }
  session.n = (session.n ?? 0) + 1
}

function logOut(ctx: Held): void {
  ctx.session = null
}

/** What a request does that has loaded the session and ends late. */
const lateSaves: readonly Handler[] = [
  write,
  (ctx) => {
    ctx.session = { n: 9 }
  },
  (ctx) => {
    ctx.sessionSave = true
  },
  async (ctx) => {
    await write(ctx)
    await ctx.saveSession()
  },
  // It has read the session, which is saved then where it rolls.
  () => undefined,
]

const ends: readonly Handler[] = [
  logOut,
  (ctx) => ctx.regenerateSession(),
  async (ctx) => {
    await ctx.session
    await ctx.sessionStore.destroy(ctx.sessionId)
  },
]

/** A store as it should be: what was loaded is only updated. */
function storeOn(client: Redis) {
  return {
    async get(key: string): Promise<unknown> {
      return JSON.parse((await client.get(key)) ?? 'null')
    },
    async set(key: string, session: object, ttl: number, late?: Write): Promise<boolean> {
      const text = JSON.stringify(session)
      const reply =
        late?.isNew === false
          ? await client.set(key, text, 'PX', ttl, 'XX')
          : await client.set(key, text, 'PX', ttl)
      return reply !== null
    },
    destroy: (key: string) => client.del(key),
  }
}

/** Requests without HTTP: a jar of cookies, and a context that has what the middleware reads. */
function visitor(middleware: ReturnType<SessionFactory>) {
  const jar = new Map<string, string>()
  const request = async (handler: Handler): Promise<void> => {
    const cookies = {
      keys: {},
      secure: false,
      get: (name: string) => jar.get(name),
      set: (name: string, value: string | null) =>
        value ? jar.set(name, value) : jar.delete(name),
    }
    const ctx = { path: '/', url: '/', secure: false, headerSent: false, cookies }
    await middleware(ctx as never, async () => {
      await handler(ctx as never)
    })
  }
  return { jar, request }
}

/** How many sessions are there again after their end, and how many late answers change the cookie. */
async function rounds(session: SessionFactory, total: number, late = lateSaves, ending = ends) {
  const client = new Redis(redisServers().single.url, { enableAutoPipelining: true })
  onTestFinished(() => client.disconnect())
  const prefix = freshPrefix()
  const options = [{}, { rolling: true }, { defer: true }, { defer: true, rolling: true }] as const
  const middlewares = options.map((each) =>
    session({ store: storeOn(client), prefix, ...each } as SessionOptions & { defer: true }),
  )
  let back = 0
  let cookies = 0
  await inBatches(total, 200, async (at) => {
    const middleware = middlewares[at % middlewares.length] as unknown as ReturnType<SessionFactory>
    const { jar, request } = visitor(middleware)
    await request(write)
    const sid = jar.get('koa.sid')!
    const [loaded, ended] = [barrier(), barrier()]
    const slow = request(async (ctx) => {
      await ctx.session
      loaded.open()
      await ended.passed
      await late[at % late.length]!(ctx)
    })
    await loaded.passed
    await request(ending[at % ending.length]!)
    const after = jar.get('koa.sid')
    ended.open()
    await slow
    const isBack = await client.exists(prefix + sid)
    back += isBack
    if (jar.get('koa.sid') !== after) cookies++
  })
  return { back, cookies }
}

describe('a late save after the session has ended', () => {
  test('brings every session back with the original', async () => {
    expect(await rounds(original, 100, [write], [logOut])).toEqual({
      back: 100,
      cookies: 100,
    })
  })

  test(`brings 0 of ${ROUNDS} back here, nor its cookie, and is no error`, async () => {
    expect(await rounds(ours, ROUNDS)).toEqual({ back: 0, cookies: 0 })
  })

  test('in MemoryStore neither', async () => {
    const { jar, request } = visitor(ours())
    await request(write)
    const sid = jar.get('koa.sid')
    await request(async (ctx) => {
      await request(logOut)
      await write(ctx)
    })
    expect(jar.size).toBe(0)
    jar.set('koa.sid', sid!)
    await request((ctx) => expect(ctx.session).not.toHaveProperty('n'))
  })
})
