/** A session of another package goes on as a native one, in the response to its next request. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { withSession } from '../../src/adapters/node.ts'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import type { SourceOptions } from '../../src/migrate/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { fakeClock } from '../support/clock.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Cluster } from 'ioredis'
import { oldApps, oldPrefix, redis, serve } from './support/apps.ts'
import type { OldApp } from './support/apps.ts'
import { Browser } from './support/browser.ts'

interface Data {
  user: string
  n: number | string
  note: string
}

type Native = Sessions<Data> & { origin: string }

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
