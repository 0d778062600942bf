/** What a response says is what has happened: logouts hold, failures are seen, and nothing is said too early. */
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { barrier } from '../../e2e/support/barrier.ts'
import { freePort } from '../../../tools/redis/port.mjs'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { clientRows } from '../../support/clients.ts'
import { contentOf, startOurs } from '../redis-sessions/engines.ts'
import { common, open, original, ours, oursEverywhere, send } from './site.ts'
import type { Handler, Visitor } from './site.ts'

test('of 1,000 requests that save after the logout none brings the session back, and none fails', async () => {
  let arrived = barrier()
  let release = barrier()
  let waiting = 0
  const BLOCK = 50
  const handlers: Record<string, Handler> = {
    ...common,
    async late(request, response) {
      request.session['late'] = true
      if (++waiting === BLOCK) arrived.open()
      await release.passed
      send(response, 'done')
    },
  }
  const { visitor, namespace } = await open(ours, handlers)
  for (let block = 0; block < 20; block++) {
    ;[arrived, release, waiting] = [barrier(), barrier(), 0]
    const visitors = await Promise.all(
      Array.from({ length: BLOCK }, async (_, nth) => {
        const ada = visitor()
        await ada.get(`/login?user=u${nth}`)
        return { ada, cookie: `forum=${await ada.cookie('forum')}` }
      }),
    )
    const late = visitors.map(({ ada, cookie }) => ada.get('/late', { cookie }))
    await Promise.race([arrived.passed, Promise.all(late)])
    await Promise.all(visitors.map(({ ada }) => ada.get('/logout')))
    release.open()
    for (const { status, setCookie } of await Promise.all(late))
      expect({ status, setCookie }).toEqual({ status: 200, setCookie: [] })
    for (const { ada, cookie } of visitors.slice(0, 3))
      expect(await ada.json('/me', { cookie })).toMatchObject({ id: null })
  }
  expect(await contentOf(namespace)).toEqual({})
}, 60_000)

describe.each(oursEverywhere)('with Redis away, $title', (row) => {
  test('who has a token gets an error, who has none is served', async () => {
    const { visitor, middleware } = await open(row, common)
    const ada = visitor()
    await ada.get('/login')
    const away = await open(row, common, { options: { port: await freePort() } })
    ada.goTo(away)
    const { status, setCookie, text } = await ada.get('/me')
    expect({ status, setCookie, text }).toEqual({
      status: 503,
      setCookie: [],
      text: 'error HandstampError',
    })
    expect(await away.visitor().json('/me')).toMatchObject({ id: null })
    expect(await away.visitor().json('/login')).toMatch(/Redis/)
    const readiness = [middleware, away.middleware].map(({ handler }) => handler.ready)
    expect(readiness).toEqual([true, false])
  })
})

test('with Redis away the original serves as if nobody were signed in', async () => {
  const { visitor } = await open(original, common)
  const ada = visitor()
  await ada.get('/login')
  // It has connected, so it asks; its engine fails, and that is an empty session.
  const elsewhere = await open(original, common)
  const { rds } = elsewhere.middleware.handler as unknown as {
    rds: { get(options: object, callback: (error: Error) => void): void }
  }
  rds.get = (_options, callback) => callback(new Error('Redis is away'))
  expect(await ada.goTo(elsewhere).json('/me')).toMatchObject({ id: null })
})

/** Redis refuses all that is written from now on. */
async function withoutWrites(visit: (prefix: string) => Promise<void>): Promise<void> {
  const { port } = redisServers().single
  const admin = new Redis(port)
  const prefix = freshPrefix()
  const user = prefix.replaceAll(':', '-')
  const rules = ['on', '>pw', '~*', '&*', '+@all']
  await admin.call('ACL', ['SETUSER', user, ...rules])
  onTestFinished(async () => {
    await admin.call('ACL', ['DELUSER', user])
    admin.disconnect()
  })
  await visit(prefix)
}

test('an unseen failure to sign out, in or to save is the failure of the request', async () => {
  await withoutWrites(async (prefix) => {
    const user = prefix.replaceAll(':', '-')
    const admin = new Redis(redisServers().single.port)
    onTestFinished(() => admin.disconnect())
    const handlers: Record<string, Handler> = {
      ...common,
      leave(request, response) {
        void request.session.destroy()
        send(response, 'you are out')
      },
      enter(request, response) {
        void request.session.upgrade('ada')
        send(response, 'you are in')
      },
      save(request, response) {
        request.session['a'] = 1
        void request.session.save()
        send(response, 'saved')
      },
      async catches(request, response) {
        const outcome = await request.session.destroy().catch((error: Error) => error.name)
        send(response, outcome)
      },
      // As the original: there is nothing to save, and nobody to be told.
      anonymous(request, response) {
        void request.session.save()
        send(response, 'nothing to save')
      },
      // Nobody waits for it, and nothing depends on it.
      asks(request, response) {
        void request.session.activity()
        void request.session.reload()
        send(response, 'asked')
      },
    }
    const options = { options: { username: user, password: 'pw', enableReadyCheck: false } }
    const { visitor } = await open(ours, handlers, { options })
    const ada = visitor()
    await ada.get('/login')
    await ada.get('/me')
    await admin.call('ACL', ['SETUSER', user, '-del', '-hset'])
    for (const path of ['/leave', '/save']) {
      const { status, text, setCookie } = await ada.get(path)
      expect({ path, status, text, setCookie }).toEqual({
        path,
        status: 503,
        text: 'error HandstampError',
        setCookie: [],
      })
    }
    expect((await visitor().get('/enter')).status).toBe(503)
    expect(await visitor().json('/anonymous')).toBe('nothing to save')
    // Whoever sees the failure answers as they like.
    expect(await ada.json('/catches')).toBe('HandstampError')
    expect(await ada.json('/asks')).toBe('asked')
    expect(await ada.json('/me')).toEqual({ ...(await signedIn(ada)), user: 'ada', d: {}, w: 1 })
  })
})

test('verbs run in the order of their calls, waited for or not', async () => {
  const handlers: Record<string, Handler> = {
    ...common,
    dance(request, response) {
      const { session } = request
      void session.upgrade('ada')
      session['a'] = 1
      void session.save()
      void session.destroy()
      void session.upgrade('bob')
      session['b'] = 2
      send(response, 'done')
    },
  }
  const { visitor, namespace } = await open(ours, handlers)
  const ada = visitor()
  const { setCookie } = await ada.get('/dance')
  expect(setCookie).toHaveLength(1)
  expect(await ada.json('/me')).toMatchObject({ user: 'bob' })
  const rs = startOurs(namespace)
  expect((await rs.soid({ app: 'forum', id: 'ada' })).sessions).toEqual([])
  expect((await rs.soid({ app: 'forum', id: 'bob' })).sessions).toHaveLength(1)
})

test('to sign in again in the request of a sign-out takes nothing along', async () => {
  const handlers: Record<string, Handler> = {
    ...common,
    async swap(request, response) {
      const { session } = request
      await session.destroy()
      session['after'] = 1
      await session.upgrade('bob')
      send(response, session.d)
    },
    async prepare(request, response) {
      request.session['cart'] = 'full'
      await request.session.upgrade('ada')
      send(response, request.session.d)
    },
  }
  const { visitor } = await open(ours, handlers)
  const ada = visitor()
  // What an anonymous visitor was given in this request is kept.
  expect(await ada.json('/prepare')).toEqual({ cart: 'full' })
  const before = await ada.cookie('forum')
  expect(await ada.json('/swap')).toEqual({ after: 1 })
  expect(await ada.cookie('forum')).not.toBe(before)
  expect(await ada.json('/me')).toMatchObject({ user: 'bob', d: { after: 1 } })
})

test('an upgrade to nobody leaves the session that is there', async () => {
  const handlers: Record<string, Handler> = {
    ...common,
    async nobody(request, response) {
      send(response, await request.session.upgrade('').catch((error: Error) => error.message))
    },
    async stream(request, response) {
      response.write('begun ')
      response.end(
        await request.session.upgrade('eve').catch((error: { code?: string }) => error.code),
      )
    },
  }
  const { visitor } = await open(ours, handlers)
  const ada = visitor()
  await ada.get('/login')
  expect(await ada.json('/nobody')).toBe('No id supplied')
  expect(await ada.json('/me')).toMatchObject({ user: 'ada' })
  // The client can no longer be told of a token.
  expect((await ada.get('/stream')).text).toBe('begun ERR_HEAD_SENT')
  expect(await ada.json('/me')).toMatchObject({ user: 'ada' })
})

test.each(clientRows.filter(({ title }) => title.includes('cluster')))(
  'over $title',
  async (row) => {
    const { client } = await row.connect()
    const { visitor } = await open(ours, common, { options: { client, port: undefined } })
    const [ada, phone] = [visitor(), visitor()]
    await ada.get('/login')
    await phone.get('/login')
    await ada.get('/set?a=1')
    expect(await ada.json('/me')).toMatchObject({ user: 'ada', d: { a: '1' } })
    expect(await ada.json('/everywhere')).toBe(2)
    expect(await phone.json('/me')).toMatchObject({ id: null })
  },
)

async function signedIn(visitor: Visitor): Promise<{ id?: string; sessionID?: string }> {
  const token = await visitor.cookie('forum')
  return token === undefined ? {} : { id: token, sessionID: token }
}
