/** A session of another package goes on as a native one, in the response to its next request. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { withSession } from '../../src/adapters/node.ts'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { fromExpressSession } from '../../src/migrate/index.ts'
import type { SourceOptions } from '../../src/migrate/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { fakeClock } from '../support/clock.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Cluster } from 'ioredis'
import { barrier } from '../e2e/support/barrier.ts'
import { KEYS, oldApps, oldPrefix, redis, serve } from './support/apps.ts'
import type { OldApp } from './support/apps.ts'
import { Browser } from './support/browser.ts'

interface Data {
  user: string
  n: number | string
  note: string
}

type Native = Sessions<Data> & { origin: string }

/** Where a slow request waits. */
let gate: (() => Promise<void>) | undefined

async function slowly(app: OldApp, prefix: string) {
  const [arrived, opened] = [barrier(), barrier()]
  gate = () => {
    arrived.open()
    return opened.passed
  }
  onTestFinished(() => (gate = undefined))
  const server = await native(app, prefix)
  return { server, slow: arrived.passed, release: opened.open }
}

/** A native server beside the old application; several share their sessions. */
async function native(
  app: OldApp,
  prefix: string,
  options: SessionsOptions<Data> & { source?: Partial<SourceOptions>; at?: string } = {},
): Promise<Native> {
  const { source, at = freshPrefix(), ...rest } = options
  const client = redis()
  const sessions = createSessions<Data>({
    store: redisStore({ client, prefix: at }),
    storeTimeout: '60s',
    migrateFrom: [
      app.source(prefix, { client, userOf: ({ user }) => user as string | undefined, ...source }),
    ],
    ...rest,
  })
  const origin = await serve(
    withSession(sessions, async (request, response) => {
      const session = await sessions.getSession(request)
      if (request.url === '/sign-out') await session.signOut()
      if (request.url === '/note') session.note = 'written'
      if (request.url === '/sign-in') await session.signIn('bob')
      if (request.url === '/slow') await gate?.()
      const { userId, expiresAt, persistent, handle } = session.meta
      response.end(JSON.stringify({ ...session, meta: { userId, expiresAt, persistent, handle } }))
    }),
  )
  return Object.assign(sessions, { origin })
}

/** A visitor who is signed in with the old application. */
async function signedIn(app: OldApp): Promise<{ browser: Browser; prefix: string; old: string }> {
  const prefix = oldPrefix()
  const old = await serve(await app.start(prefix))
  const browser = new Browser(old)
  await browser.get('/sign-in?user=ann&n=7')
  expect(await browser.read()).toMatchObject({ user: 'ann' })
  return { browser, prefix, old }
}

/** What the browser would send, to be sent by somebody else too. */
async function cookiesOf(browser: Browser, app: OldApp): Promise<string> {
  const pairs = app.cookies.map(async (name) => `${name}=${await browser.cookie(name)}`)
  return (await Promise.all(pairs)).join('; ')
}

async function userAt(origin: string, cookie: string): Promise<string | undefined> {
  const response = await fetch(`${origin}/read`, { headers: { cookie } })
  return ((await response.json()) as Data).user
}

/** Nothing that a server could end. */
const isInCookie = ({ name }: OldApp): boolean => name === 'koa-session, in the cookie'

/** The package that knows only texts. */
const n = ({ name }: OldApp): number | string => (name === 'koa-redis-session-sets' ? '7' : 7)

describe.each(oldApps)('a session of $name', (app) => {
  test('goes on with its data, its user and what was left of its life, with the cookie in the same response', async () => {
    const { browser, prefix, old } = await signedIn(app)
    const before = await browser.read()
    const server = await native(app, prefix, { idleTimeout: '1m', absoluteTimeout: '5m' })
    const told: unknown[] = []
    server.events.on('migrated', ({ userId, from }) => told.push({ userId, from }))
    const page = await browser.moveTo(server.origin).get('/read')
    const { meta, ...data } = JSON.parse(page.text) as { meta: Record<string, string> } & Data
    expect(data).toEqual({ user: 'ann', n: n(app) })
    expect(meta['userId']).toBe('ann')
    const left = Date.parse(meta['expiresAt'] ?? '') - Date.now()
    expect(left).toBeGreaterThan(570_000)
    expect(left).toBeLessThanOrEqual(600_000)
    expect(meta['persistent']).toBe(app.name !== 'connect-redis-sessions')
    expect(page.headers.getSetCookie().map((line) => line.split('=')[0])).toEqual(['sid'])
    expect(told).toEqual([
      { userId: 'ann', from: expect.stringContaining(app.name.split(',')[0]!) },
    ])
    const [listed] = (await server.user('ann').list()).sessions
    expect(listed).toMatchObject({ handle: meta['handle'], signedInAt: undefined })
    // The next requests are native ones, and the old application can still be brought back.
    await browser.get('/note')
    expect(await browser.read()).toMatchObject({ user: 'ann', note: 'written' })
    expect(await browser.moveTo(old).read()).toEqual(before)
  })

  test('goes on once: ended here, it does not come back from there', async () => {
    for (const end of ['sign-out', 'revoke', 'expire'] as const) {
      const { browser, prefix, old } = await signedIn(app)
      const clock = fakeClock(Date.now())
      const server = await native(app, prefix, { clock, idleTimeout: '1m', absoluteTimeout: '5m' })
      const cookies = await cookiesOf(browser, app)
      await browser.moveTo(server.origin).get('/read')
      if (end === 'sign-out') await browser.get('/sign-out')
      if (end === 'revoke') await server.user('ann').revokeAll()
      if (end === 'expire') clock.advance(11 * 60_000)
      expect(await browser.read()).toMatchObject({ meta: {} })
      expect(((await browser.read()) as Data).user).toBeUndefined()
      expect(await server.user('ann').count()).toBe(0)
      if (end !== 'sign-out') continue
      for (const name of app.cookies) expect(await browser.cookie(name)).toBeUndefined()
      expect(await userAt(old, cookies)).toBe(isInCookie(app) ? 'ann' : undefined)
      expect(await userAt(server.origin, cookies)).toBeUndefined()
    }
  })

  test('is deleted on request: the cookie at once, the record when requests under way are through', async () => {
    const { browser, prefix } = await signedIn(app)
    const source = { oldSession: 'delete' } as const
    const server = await native(app, prefix, { source })
    await browser.moveTo(server.origin).get('/read')
    for (const name of app.cookies) expect(await browser.cookie(name)).toBeUndefined()
    expect(await browser.read()).toMatchObject({ user: 'ann' })
    const client = redis()
    const keys = await client.keys(`${prefix}*`)
    const lives = await Promise.all(
      keys.map(async (key) => ((await client.type(key)) === 'zset' ? 0 : client.pttl(key))),
    )
    const records = lives.filter((ttl) => ttl > 0)
    expect(records).toHaveLength(isInCookie(app) ? 0 : 1)
    for (const ttl of records) expect(ttl).toBeLessThanOrEqual(60_000)
  })

  test('with a signature that does not hold, or of which the record is gone, is none', async () => {
    const { browser, prefix, old } = await signedIn(app)
    const server = await native(app, prefix)
    const whole = await cookiesOf(browser, app)
    const flipped = whole.replace(/.(?=[^.]{0,3}$)/, (last) => (last === 'A' ? 'B' : 'A'))
    expect(flipped).not.toBe(whole)
    expect(await userAt(server.origin, flipped)).toBeUndefined()
    await browser.moveTo(old).get('/sign-out')
    const client = redis()
    const keys = await client.keys(`${prefix}*`)
    if (keys.length > 0) await client.del(keys)
    expect(await userAt(server.origin, whole)).toBe(isInCookie(app) ? 'ann' : undefined)
  })

  test('becomes one session however many requests bring it at once, and one response sets the cookie', async () => {
    const { browser, prefix } = await signedIn(app)
    const clock = fakeClock(Date.now())
    const at = freshPrefix()
    const here = await native(app, prefix, { at, clock })
    const there = await native(app, prefix, { at, clock })
    const cookies = await cookiesOf(browser, app)
    const ask = async (origin: string) => {
      const response = await fetch(`${origin}/read`, { headers: { cookie: cookies } })
      const { user, meta } = (await response.json()) as Data & { meta: { handle: string } }
      return { user, handle: meta.handle, set: response.headers.getSetCookie().length }
    }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask([here, there][index % 2]!.origin)),
    )
    expect(answers.every(({ user }) => user === 'ann')).toBe(true)
    expect(new Set(answers.map(({ handle }) => handle)).size).toBe(1)
    expect(answers.filter(({ set }) => set > 0)).toHaveLength(1)
    expect(await here.user('ann').count()).toBe(1)
    // Whoever still comes without it half a minute later has never got it.
    clock.advance(31_000)
    expect(await ask(there.origin)).toMatchObject({ user: 'ann', set: 1 })
  })
})

describe('taking over a session', () => {
  const app = oldApps[0]!

  test('works on a Cluster and in memory', async () => {
    const cluster = new Cluster([...redisServers().cluster.nodes])
    onTestFinished(() => cluster.disconnect())
    const stores = [redisStore({ client: cluster, prefix: freshPrefix() }), memoryStore()]
    for (const store of stores) {
      const { browser, prefix } = await signedIn(app)
      const server = await native(app, prefix, { store })
      browser.moveTo(server.origin)
      expect(await browser.read()).toMatchObject({ user: 'ann', n: 7 })
      await server.user('ann').revokeAll()
      expect(((await browser.read()) as Data).user).toBeUndefined()
    }
  })

  test('a slow response of the request that took it over does not replace a newer cookie', async () => {
    const { browser, prefix } = await signedIn(app)
    const { slow, release, server } = await slowly(app, prefix)
    const cookie = await cookiesOf(browser, app)
    const late = fetch(`${server.origin}/slow`, { headers: { cookie } })
    await slow
    await browser.moveTo(server.origin).get('/sign-in')
    const now = await browser.cookie('sid')
    release()
    expect((await late).headers.getSetCookie()).toEqual([])
    expect(now).toBeDefined()
  })

  test('a request that still brings the old cookie after a sign-in writes nothing, and sets no cookie', async () => {
    const { browser, prefix } = await signedIn(app)
    const server = await native(app, prefix)
    const cookie = await cookiesOf(browser, app)
    await browser.moveTo(server.origin).get('/read')
    await browser.get('/sign-in')
    const dropped: string[] = []
    server.events.on('dropped', ({ reason }) => dropped.push(reason))
    const late = await fetch(`${server.origin}/note`, { headers: { cookie } })
    expect(late.headers.getSetCookie()).toEqual([])
    expect(dropped).toEqual(['moved'])
    expect(await browser.read()).toMatchObject({ meta: { userId: 'bob' } })
  })

  test('that was deleted over there is found here, if the first response got lost', async () => {
    const { browser, prefix } = await signedIn(app)
    const clock = fakeClock(Date.now())
    const server = await native(app, prefix, { clock, source: { oldSession: 'delete' } })
    const cookie = await cookiesOf(browser, app)
    await fetch(`${server.origin}/read`, { headers: { cookie } })
    const client = redis()
    await client.del(await client.keys(`${prefix}*`))
    clock.advance(61_000)
    expect(await browser.moveTo(server.origin).read()).toMatchObject({ user: 'ann' })
    expect(await browser.cookie('sid')).toBeDefined()
  })

  test('of a session without an end gives that one an end, and remembers it for longer', async () => {
    const { browser, prefix } = await signedIn(app)
    const client = redis()
    const [key = ''] = await client.keys(`${prefix}*`)
    await client.persist(key)
    const at = freshPrefix()
    const server = await native(app, prefix, { at })
    const cookie = await cookiesOf(browser, app)
    await browser.moveTo(server.origin).get('/read')
    const end = await client.pttl(key)
    expect(end).toBeGreaterThan(0)
    const known = [...(await client.keys(`${at}*:m:*`)), ...(await client.keys(`${at}*:p:*`))]
    expect(known).toHaveLength(2)
    for (const mark of known) expect(await client.pttl(mark)).toBeGreaterThan(end - 5000)
    await server.user('ann').revokeAll()
    expect(await userAt(server.origin, cookie)).toBeUndefined()
  })

  test('does not follow a revocation of all sessions of its user', async () => {
    const { browser, prefix, old } = await signedIn(app)
    const tablet = new Browser(old)
    await tablet.get('/sign-in?user=ann&n=8')
    const server = await native(app, prefix)
    await browser.moveTo(server.origin).get('/read')
    await server.user('ann').revokeAll()
    expect(((await tablet.moveTo(server.origin).read()) as Data).user).toBeUndefined()
  })

  test('happens once, also where the user becomes known later, and where secrets are rotated', async () => {
    const { browser, prefix } = await signedIn(app)
    const at = freshPrefix()
    const cookie = await cookiesOf(browser, app)
    const anonymous = await native(app, prefix, { at, source: { userOf: () => undefined } })
    await browser.moveTo(anonymous.origin).get('/sign-in')
    await anonymous.user('bob').revokeAll()
    const later = await native(app, prefix, { at })
    expect(await userAt(later.origin, cookie)).toBeUndefined()
  })

  test('under a new secret in front finds the session that an old one led to', async () => {
    const { browser, prefix } = await signedIn(app)
    const [at, clock] = [freshPrefix(), fakeClock(Date.now())]
    const cookie = await cookiesOf(browser, app)
    const before = await native(app, prefix, { at, clock })
    expect(await userAt(before.origin, cookie)).toBe('ann')
    clock.advance(31_000)
    const client = redis()
    const secret = ['a newer secret', ...KEYS]
    const userOf = ({ user }: Record<string, unknown>) => user as string
    const rotated = await native(app, prefix, {
      at,
      clock,
      migrateFrom: [fromExpressSession({ client, prefix, secret, userOf })],
    })
    const response = await fetch(`${rotated.origin}/read`, { headers: { cookie } })
    expect(await response.json()).toMatchObject({ user: 'ann' })
    expect(response.headers.getSetCookie()).toHaveLength(1)
  })

  test('tries each source, and a sign-out ends what all of them name', async () => {
    const koa = oldApps[1]!
    const first = await signedIn(app)
    const second = await signedIn(koa)
    const client = redis()
    const userOf = ({ user }: Record<string, unknown>) => user as string
    const server = await native(app, first.prefix, {
      migrateFrom: [
        app.source(first.prefix, { client, userOf }),
        koa.source(second.prefix, { client, userOf }),
      ],
    })
    const cookies = [await cookiesOf(first.browser, app), await cookiesOf(second.browser, koa)]
    await client.del(await client.keys(`${first.prefix}*`))
    expect(await userAt(server.origin, cookies.join('; '))).toBe('ann')
    const cookie = cookies.join('; ')
    await fetch(`${server.origin}/sign-out`, { headers: { cookie } })
    expect(await userAt(second.old, cookies[1]!)).toBeUndefined()
    expect(await userAt(server.origin, cookies[1]!)).toBeUndefined()
  })

  test('a sign-out takes place while Redis of the old sessions is away, and is told of', async () => {
    const { browser, prefix } = await signedIn(app)
    const client = redis()
    const server = await native(app, prefix, { source: { client } })
    await browser.moveTo(server.origin).get('/read')
    client.disconnect()
    const failed: string[] = []
    server.events.on('storeFailed', ({ operation }) => failed.push(operation))
    expect((await browser.get('/sign-out')).status).toBe(200)
    expect(failed).toContain('endFormer')
    expect(await server.user('ann').count()).toBe(0)
  })

  test.each([
    ['a promise', async () => 'ann'],
    ['an object', () => ({ id: 'ann' })],
    ['no number', () => NaN],
  ])('refuses %s for a user', async (_, userOf) => {
    const { browser, prefix } = await signedIn(app)
    const source = { userOf } as unknown as Partial<SourceOptions>
    const server = await native(app, prefix, { source })
    expect((await browser.moveTo(server.origin).get('/read')).status).toBe(500)
  })

  test.each([undefined, null, false, ''])('takes %j for nobody', async (nobody) => {
    const { browser, prefix } = await signedIn(app)
    const server = await native(app, prefix, { source: { userOf: () => nobody as undefined } })
    const seen = (await browser.moveTo(server.origin).read()) as { meta: { userId?: string } }
    expect(seen).toMatchObject({ user: 'ann' })
    expect(seen.meta.userId).toBeUndefined()
  })

  test('of what cannot be a session of the package is reported, whatever it is', async () => {
    const { browser, prefix } = await signedIn(app)
    const client = redis()
    const [key = ''] = await client.keys(`${prefix}*`)
    const proto = '{"cookie":{},"__proto__":{"isAdmin":true}}'
    const deep = `{"cookie":{},"a":${'['.repeat(5000)}${']'.repeat(5000)}}`
    const server = await native(app, prefix)
    const reasons: string[] = []
    server.events.on('rejected', ({ reason }) => reasons.push(reason))
    for (const text of [proto, deep, '[]', 'null', '"text"']) {
      await client.set(key, text, 'EX', 600)
      expect((await browser.moveTo(server.origin).get('/read')).status).toBe(200)
    }
    await client.del(key)
    await client.lpush(key, 'a list')
    await client.expire(key, 600)
    expect((await browser.get('/read')).status).toBe(200)
    expect(new Set(reasons)).toEqual(new Set(['unreadable']))
    expect(reasons).toHaveLength(6)
  })

  test('reads what a serializer of the application wrote', async () => {
    const { browser, prefix } = await signedIn(app)
    const client = redis()
    const [key = ''] = await client.keys(`${prefix}*`)
    const text = Buffer.from((await client.get(key)) ?? '').toString('base64')
    await client.set(key, text, 'KEEPTTL')
    const parse = (stored: string): unknown =>
      JSON.parse(Buffer.from(stored, 'base64').toString()) as unknown
    const userOf = ({ user }: Record<string, unknown>) => user as string
    const server = await native(app, prefix, {
      migrateFrom: [fromExpressSession({ client, prefix, secret: KEYS, userOf, parse })],
    })
    expect(await browser.moveTo(server.origin).read()).toMatchObject({ user: 'ann', n: 7 })
  })

  test('is not a recent sign-in', async () => {
    const { browser, prefix } = await signedIn(app)
    const server = await native(app, prefix)
    await browser.moveTo(server.origin).get('/read')
    const [session] = (await server.user('ann').list()).sessions
    expect(session?.signedInAt).toBeUndefined()
  })

  test('a record that is none is reported and left alone, and the visitor is anonymous', async () => {
    const { browser, prefix } = await signedIn(app)
    const client = redis()
    const [key = ''] = await client.keys(`${prefix}*`)
    await client.set(key, 'no JSON', 'KEEPTTL')
    const server = await native(app, prefix)
    const reasons: string[] = []
    server.events.on('rejected', ({ reason }) => reasons.push(reason))
    expect(((await browser.moveTo(server.origin).read()) as Data).user).toBeUndefined()
    expect(reasons).toEqual(['unreadable'])
    expect(await client.get(key)).toBe('no JSON')
  })

  test('while Redis does not answer is a failure, never an anonymous visitor', async () => {
    const { browser, prefix } = await signedIn(app)
    const broken = redis()
    broken.disconnect()
    const server = await native(app, prefix, { source: { client: broken } })
    const page = await browser.moveTo(server.origin).get('/read')
    expect(page.status).toBe(503)
    expect(page.headers.getSetCookie()).toEqual([])
  })

  test('renames with convert what would be a verb; without it the request fails with the remedy', async () => {
    const { browser, prefix } = await signedIn(app)
    const client = redis()
    const [key = ''] = await client.keys(`${prefix}*`)
    const stored = JSON.parse((await client.get(key)) ?? '') as object
    await client.set(key, JSON.stringify({ ...stored, update: 'weekly' }), 'KEEPTTL')
    const strict = await native(app, prefix)
    expect((await browser.moveTo(strict.origin).get('/read')).status).toBe(500)
    const convert = ({ update, ...rest }: Record<string, unknown>) => ({ ...rest, note: update })
    const renaming = await native(app, prefix, { source: { convert } })
    const renamed = await browser.moveTo(renaming.origin).read()
    expect(renamed).toMatchObject({ user: 'ann', note: 'weekly' })
  })

  test('whatever a hook of the source throws is its own error, not one of the store', async () => {
    const { browser, prefix } = await signedIn(app)
    const userOf = () => {
      throw new Error('no such thing')
    }
    const server = await native(app, prefix, { source: { userOf } })
    const failures: string[] = []
    server.events.on('storeFailed', ({ error }) => failures.push(error.code))
    expect((await browser.moveTo(server.origin).get('/read')).status).toBe(500)
    expect(failures).toEqual(['ERR_OPTION'])
  })
})
