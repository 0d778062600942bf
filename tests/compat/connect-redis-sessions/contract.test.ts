/** What the original promises, and here is the same: each scenario runs on the original and on every framework. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { contentOf, startOurs } from '../redis-sessions/engines.ts'
import { common, open, original, ours, oursEverywhere, send } from './site.ts'
import type { Handler, Request } from './site.ts'

const rows = [original, ...oursEverywhere]

const appOfPath = (request: Request, callback: (error: unknown, app?: string) => void): void => {
  const app = (request.originalUrl ?? '').split('/')[1] ?? ''
  if (app === 'refused') callback(new Error('no such app'))
  else if (app === 'none') callback(null)
  else callback(null, app)
}

const more: Record<string, Handler> = {
  kinds(request, response) {
    Object.assign(request.session, {
      text: 'x',
      number: 1.5,
      yes: true,
      nothing: null,
      object: { a: 1 },
      list: [1],
      call: () => 1,
    })
    const { session } = request
    send(response, [
      session.d,
      session.attributes(),
      JSON.parse(JSON.stringify(session)),
      session.hash(),
    ])
  },
  again(request, response) {
    const { id } = request.session
    void request.session.upgrade('ada', () => send(response, request.session.id === id))
  },
  asks(request, response) {
    const { session } = request
    const { soid, soapp, activity, save, getRedisSessionsModule } = session
    type Done = (error: Error | null, result?: unknown) => void
    const steps: ((done: Done) => unknown)[] = [
      (done) => soid(done),
      (done) => soapp(done),
      (done) => soapp(600, done),
      (done) => activity(done),
      (done) => activity(5, done),
      (done) => save(done),
    ]
    const results: unknown[] = []
    const walk = (nth: number): unknown =>
      steps[nth]
        ? steps[nth]((error, result) => {
            results.push(error ? error.name : result)
            walk(nth + 1)
          })
        : send(response, [...results, getRedisSessionsModule() === session.handler.rds])
    walk(0)
  },
  refusals({ session }, response) {
    const names: string[] = []
    const done = (error: Error | null): void => {
      names.push(error?.name ?? 'no error')
      if (names.length === 5) send(response, names)
    }
    void session.destroy(done)
    void session.destroyall(done)
    void session.save(done)
    void session.reload(done)
    void session.soid(done)
  },
  null(request, response) {
    request.session['a'] = 'not saved'
    Reflect.deleteProperty(request, 'session')
    send(response, 'without')
  },
  has(request, response) {
    const { sessionID } = request
    send(response, [typeof request.session, sessionID])
  },
}

describe.each(rows)('$title', (row) => {
  const site = (options = {}, extra = {}) =>
    open(row, { ...common, ...more }, { options, ...extra })

  test('sign in, write, read, remove, sign out', async () => {
    const { visitor, namespace } = await site()
    const ada = visitor()
    expect(await ada.json('/me')).toEqual({ id: null, sessionID: null, d: {} })
    expect(await ada.json('/login?user=ada')).toBe('in')
    const token = await ada.cookie('forum')
    expect(token).toMatch(/^[a-zA-Z0-9]{64}$/)
    const me = { id: token, sessionID: token, user: 'ada' }
    expect(await ada.json('/me')).toEqual({ ...me, d: {}, w: 1 })
    const { setCookie } = await ada.get('/set?a=1&b=two')
    expect(setCookie).toEqual([])
    expect(await ada.json('/me')).toMatchObject({ d: { a: '1', b: 'two' }, w: 2 })
    expect(await visitor().json('/me')).toMatchObject({ id: null })
    expect(await ada.json('/logout')).toBe(1)
    expect(await ada.cookie('forum')).toBeUndefined()
    expect(await ada.json('/me')).toMatchObject({ id: null })
    expect(await contentOf(namespace)).toEqual({})
  })

  test('strings, numbers, booleans and null are data', async () => {
    const { visitor } = await site()
    const ada = visitor()
    await ada.get('/login')
    const data = { text: 'x', number: 1.5, yes: true, nothing: null }
    const meta = { id: 'ada', w: 1, ttl: 7200, idle: expect.any(Number) as number }
    const [d, attributes, json, hash] = (await ada.json('/kinds')) as unknown[]
    expect([d, attributes]).toEqual([data, data])
    expect(json).toMatchObject({ ...data, _meta: meta })
    expect(hash).toBe(445281521)
    expect(await ada.json('/me')).toMatchObject({ d: { text: 'x', number: 1.5, yes: true } })
  })

  test('upgrade for the same user does nothing', async () => {
    const { visitor } = await site()
    const ada = visitor()
    await ada.get('/login')
    expect(await ada.json('/again')).toBe(true)
  })

  test('soid, soapp, activity, save and the engine', async () => {
    const { visitor } = await site()
    const [ada, phone] = [visitor(), visitor()]
    await ada.get('/login')
    await phone.get('/login')
    await visitor().get('/login?user=bob')
    const results = (await ada.json('/asks')) as [
      { sessions: object[] },
      { sessions: object[] },
      { sessions: object[] },
      ...unknown[],
    ]
    expect(results[0].sessions).toHaveLength(2)
    expect(results[0].sessions[0]).toMatchObject({ id: 'ada', ttl: 7200 })
    expect(results[1].sessions).toHaveLength(3)
    expect(results[2].sessions).toHaveLength(3)
    expect(results.slice(3)).toEqual([
      { activity: 2 },
      'invalidValue',
      { _meta: expect.objectContaining({ id: 'ada', w: 1 }) },
      true,
    ])
    expect(await ada.json('/everywhere')).toBe(2)
    expect(await phone.json('/me')).toMatchObject({ id: null })
    expect(await ada.cookie('forum')).toBeUndefined()
  })

  test('without a session every verb calls back with no-token', async () => {
    const { visitor } = await site()
    const five = Array.from({ length: 5 }, () => 'no-token')
    expect(await visitor().json('/refusals')).toEqual(five)
  })

  test('a function says the app of a request, with a cookie for each', async () => {
    const { visitor } = await site({ app: appOfPath })
    const ada = visitor()
    await ada.get('/shop/login?user=ada')
    await ada.get('/blog/login?user=bob')
    expect(await ada.json('/shop/me')).toMatchObject({ user: 'ada', id: await ada.cookie('shop') })
    expect(await ada.json('/blog/me')).toMatchObject({ user: 'bob', id: await ada.cookie('blog') })
    expect(await ada.json('/none/me')).toMatchObject({ id: null })
    expect(await ada.json('/ab/me')).toMatchObject({ id: null })
    expect(await ada.json('/ab/login')).toBe('invalidFormat: Invalid app format')
    vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => void vi.restoreAllMocks())
    expect((await ada.get('/refused/me')).status).toBe(500)
  })

  test('a cookie that is no token, or an unknown one, is nobody’s', async () => {
    const { visitor } = await site()
    for (const token of ['short', 'a'.repeat(64), '!'.repeat(64), 'j%3A%7B%22a%22%3A1%7D'])
      expect(await visitor().json('/me', { cookie: `forum=${token}` })).toMatchObject({ id: null })
  })

  test('without cookie-parser there is an error, elsewhere than the path no session', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => void vi.restoreAllMocks())
    const bare = await site({}, { withCookies: false })
    const { status, text } = await bare.visitor().get('/me')
    expect(status).toBe(500)
    expect(text).toContain('cookies-disabled')
    const { visitor } = await site({ cookie: { path: '/admin' } })
    expect(await visitor().json('/has')).toEqual(['undefined', null])
    expect(await visitor().json('/admin/has')).toEqual(['object', null])
  })

  test('a session that is there already is left alone', async () => {
    const before = (request: { session: unknown }, _response: unknown, next: () => void): void => {
      request.session = 'of another'
      next()
    }
    const { visitor } = await site({}, { before: [before] })
    expect(await visitor().json('/has')).toEqual(['string', null])
  })

  test('a request whose session was taken off saves nothing', async () => {
    const { visitor } = await site()
    const ada = visitor()
    await ada.get('/login')
    await ada.get('/null')
    expect(((await ada.json('/me')) as { d: object }).d).toEqual({})
  })

  test('ttl by option and by call, at least ten', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    onTestFinished(() => warn.mockRestore())
    const { visitor, namespace } = await site({ ttl: 3 })
    await visitor().get('/login?user=ada')
    await visitor().get('/login?user=bob&ttl=5')
    await visitor().get('/login?user=eve&ttl=500')
    await visitor().get('/login?user=joe&ttl=soon')
    const rs = startOurs(namespace)
    const { sessions } = await rs.soapp({ app: 'forum', dt: 60 })
    expect(new Map(sessions.map(({ id, ttl }) => [id, ttl]))).toEqual(
      new Map([
        ['ada', 10],
        ['bob', 10],
        ['eve', 500],
        ['joe', 10],
      ]),
    )
    expect(warn).toHaveBeenCalledTimes(2)
  })

  const cookies: [string, object, Record<string, string>, string[] | undefined][] = [
    ['the browser’s session', {}, {}, ['Path=/', 'HttpOnly']],
    ['an age', { maxAge: 60_000 }, {}, ['Path=/', 'HttpOnly', 'Expires=soon']],
    [
      'a date',
      { expires: new Date(Date.now() + 3_600_000) },
      {},
      ['Path=/', 'HttpOnly', 'Expires=soon'],
    ],
    [
      'its own scope',
      { path: '/', httpOnly: false, domain: 'example.org' },
      {},
      ['Path=/', 'Domain=example.org'],
    ],
    ['secure, over http', { secure: true }, {}, undefined],
    ['secure, behind nobody', { secure: true }, { 'x-forwarded-proto': 'https' }, undefined],
  ]
  test.each(cookies)('the cookie of %s', async (_, cookie, headers, expected) => {
    const { visitor } = await site({ cookie })
    const { setCookie } = await visitor().get('/login', headers)
    expect(setCookie.map(attributesOf)).toEqual(expected ? [expected.toSorted()] : [])
  })
})

test.each(oursEverywhere)('behind a proxy that is trusted, $title', async (row) => {
  for (const options of [{ proxy: true }, { trustProxy: true }]) {
    const { visitor, namespace } = await open(row, common, {
      options: { ...options, cookie: { secure: true } },
    })
    const headers = {
      'x-forwarded-proto': 'HTTPS, http',
      'x-forwarded-for': '198.51.100.7, 10.0.0.1',
    }
    expect((await visitor().get('/login', headers)).setCookie).toHaveLength(1)
    expect((await visitor().get('/login', { 'x-forwarded-proto': 'http' })).setCookie).toEqual([])
    const { sessions } = await startOurs(namespace).soid({ app: 'forum', id: 'ada' })
    // Express has an address of its own, by its setting of proxies; Connect has none.
    const ip = row.title.includes('Connect') ? '198.51.100.7' : '127.0.0.1'
    expect(sessions.map((session) => session.ip.replace('::ffff:', ''))).toContain(ip)
  }
})

test('the handler shows what it was made with', async () => {
  const { middleware } = await open(ours, common, { options: { ttl: 99, cookie: { maxAge: 5 } } })
  const handler = middleware.handler as unknown as Record<string, unknown>
  expect(handler).toMatchObject({
    app: 'forum',
    ttl: 99,
    cookie: { maxAge: 5 },
    debug: false,
    trustProxy: false,
  })
  const { rds, redis } = handler as {
    rds: { redis: unknown; ping(): Promise<string> }
    redis: unknown
  }
  expect(redis).toBe(rds.redis)
  expect(await rds.ping()).toBe('PONG')
  expect(handler['ready']).toBe(true)
})

test.each([original, ours])('$title without an app is an error when it is made', ({ make }) => {
  const error = thrownBy(() => make({}))
  expect(error).toMatchObject({ name: 'no-app-defined' })
})

test('debug says what is decided, and no secret', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  onTestFinished(() => warn.mockRestore())
  const { visitor } = await open(ours, common, { options: { debug: true } })
  const ada = visitor()
  await ada.get('/login')
  const token = await ada.cookie('forum')
  await ada.get('/set?secret=of-ada')
  await ada.get('/logout')
  const said = warn.mock.calls.flat().join('\n')
  expect(said).toMatch(/signed in[^]*session found[^]*signed out/)
  expect(said).not.toMatch(new RegExp(`${token}|of-ada`))
})

/** All but the name and value, sorted; a date is near, or not. */
function attributesOf(line: string): string[] {
  const [, ...attributes] = line.split('; ')
  return attributes
    .map((attribute) => {
      if (!attribute.startsWith('Expires=')) return attribute
      const left = Date.parse(attribute.slice(8)) - Date.now()
      return left > 0 && left < 3_600_001 ? 'Expires=soon' : attribute
    })
    .toSorted()
}

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}
