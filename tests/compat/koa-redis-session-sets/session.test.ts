/** The session of a request, as Koa applications use it: what it reads and writes, and what the browser is told. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Walker } from '../../support/walker.ts'
import { barrier } from '../../e2e/support/barrier.ts'
import { koas, site } from './site.ts'
import type { Handler } from './site.ts'

const login: Handler = ({ session }) => session.set({ user_id: 1, name: 'Ada' })
const whole: Handler = ({ session }) => session.get()

describe.each(Object.keys(koas) as (keyof typeof koas)[])('a session (%s)', (koa) => {
  test('set() creates it, get() reads it, getKey() is where it lies', async () => {
    const { origin, client, prefix, ...rest } = await site(
      { '/login': login, '/': whole, '/key': async ({ session }) => session.getKey() },
      { koa },
    )
    const ada = new Walker(origin)
    expect(JSON.parse((await ada.get('/login')).text)).toEqual([
      [null, 'OK'],
      [null, 1],
      [null, 1],
    ])
    const id = (await ada.cookie('session-id')) ?? ''
    expect(JSON.parse((await ada.get('/')).text)).toEqual({ id, user_id: '1', name: 'Ada' })
    const key = JSON.parse((await ada.get('/key')).text)
    expect(key).toBe(`${prefix}:{${id}}`)
    expect(await client.hgetall(key)).toEqual({ id, user_id: '1', name: 'Ada' })
    expect(await client.smembers(rest.Session.getReferenceKey('user_id', 1))).toEqual([id])
  })

  test('get(fields) has null for what is not there, and the id', async () => {
    const { origin } = await site(
      { '/login': login, '/': ({ session }) => session.get(['name', 'cart', 'name']) },
      { koa },
    )
    const ada = new Walker(origin)
    expect(JSON.parse((await ada.get('/')).text)).toEqual({ name: null, cart: null, id: null })
    await ada.get('/login')
    const id = await ada.cookie('session-id')
    expect(JSON.parse((await ada.get('/')).text)).toEqual({ name: 'Ada', cart: null, id })
  })

  test('unset(fields) removes fields and references', async () => {
    const { origin, client, Session } = await site(
      {
        '/login': login,
        '/': whole,
        '/unset': ({ session }) => session.unset(['user_id', 'nothing']),
      },
      { koa },
    )
    const ada = new Walker(origin)
    await ada.get('/login')
    expect(JSON.parse((await ada.get('/unset')).text)).toEqual([
      [null, 1],
      [null, 1],
      [null, 1],
    ])
    expect(JSON.parse((await ada.get('/')).text)).not.toHaveProperty('user_id')
    expect(await client.exists(Session.getReferenceKey('user_id', 1))).toBe(0)
  })

  test('delete() removes it and clears both cookies', async () => {
    const { origin, keys } = await site(
      { '/login': login, '/': whole, '/delete': ({ session }) => session.delete() },
      { koa },
    )
    const ada = new Walker(origin)
    await ada.get('/login')
    expect(JSON.parse((await ada.get('/delete')).text)).toEqual([
      [null, 1],
      [null, 1],
    ])
    expect(await ada.cookie('session-id')).toBeUndefined()
    expect(await ada.cookie('session-id.sig')).toBeUndefined()
    expect(JSON.parse((await ada.get('/')).text)).toEqual({})
    expect(await keys()).toEqual([])
  })

  test('touch() starts the lifetime of key and cookie anew', async () => {
    const { origin, client, prefix } = await site(
      { '/login': login, '/touch': ({ session }) => session.touch() },
      { koa, maxAge: '1 hour' },
    )
    const ada = new Walker(origin)
    await ada.get('/login')
    const key = `${prefix}:{${await ada.cookie('session-id')}}`
    await client.pexpire(key, 1000)
    const page = await ada.get('/touch')
    expect(page.text).toBe('1')
    expect(await client.pttl(key)).toBeGreaterThan(3_590_000)
    expect(lifetimeOf(page.headers)).toBeGreaterThan(3_590_000)
  })

  test('a CSRF token holds in both call forms, for later requests too', async () => {
    const { origin } = await site(
      {
        '/token': ({ session }) => session.createCSRFToken(),
        '/token-of-object': async ({ session }) => session.createCSRFToken(await session.get()),
        '/verify': ({ session, ctx }) => session.verifyCSRFToken(ctx.query['token']),
        '/verify-object': async ({ session, ctx }) =>
          session.verifyCSRFToken(await session.get(), ctx.query['token']),
      },
      { koa },
    )
    const ada = new Walker(origin)
    for (const create of ['/token', '/token-of-object']) {
      const token = encodeURIComponent(JSON.parse((await ada.get(create)).text))
      for (const verify of ['/verify', '/verify-object']) {
        expect((await ada.get(`${verify}?token=${token}`)).text).toBe('true')
        expect((await ada.get(`${verify}?token=x${token}`)).text).toBe('false')
        expect((await ada.get(verify)).text).toBe('false')
        expect((await new Walker(origin).get(`${verify}?token=${token}`)).text).toBe('false')
      }
    }
  })
})

describe('the cookie', () => {
  test('is session-id with the plain id, and a signature by the keys of the app', async () => {
    const { origin } = await site({ '/login': login })
    const page = await new Walker(origin).get('/login')
    const [plain = '', signature = ''] = page.headers.getSetCookie()
    expect(plain).toMatch(/^session-id=[\w+/]{24}; path=\/; httponly$/)
    const [, id = ''] = /=([^;]*)/.exec(plain) ?? []
    const expected = createHmac('sha1', 'a key of the tests')
      .update(`session-id=${id}`)
      .digest('base64url')
    expect(signature).toBe(`session-id.sig=${expected}; path=/; httponly`)
  })

  test('takes key, httpOnly, signed, domain, path and sameSite from the options', async () => {
    const options = { key: 'sid', httpOnly: false, signed: false } as const
    const { origin } = await site(
      { '/a': login },
      { ...options, domain: 'shop.test', path: '/a', sameSite: 'lax', maxAge: 60_000 },
    )
    const response = await fetch(`${origin}/a`)
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^sid=[\w+/]{24}; path=\/a; expires=.* GMT; domain=shop\.test; samesite=lax$/,
      ),
    ])
  })

  test('ends with the browser where there is no maxAge, as from the original', async () => {
    const { origin } = await site({ '/login': login })
    const page = await new Walker(origin).get('/login')
    expect(page.headers.getSetCookie().join('\n')).not.toContain('expires')
  })

  test('is sent by set, unset, touch and delete, also to visitors without a session; not by get', async () => {
    const { origin, keys } = await site({
      '/get': whole,
      '/fields': ({ session }) => session.get(['name']),
      '/set': login,
      '/unset': ({ session }) => session.unset(['name']),
      '/touch': ({ session }) => session.touch(),
      '/delete': ({ session }) => session.delete(),
    })
    const cookies = async (path: string): Promise<number> =>
      (await fetch(origin + path)).headers.getSetCookie().length
    expect(await cookies('/get')).toBe(0)
    expect(await cookies('/fields')).toBe(0)
    expect(await cookies('/unset')).toBe(2)
    expect(await cookies('/touch')).toBe(2)
    expect(await cookies('/delete')).toBe(2)
    expect(await keys()).toEqual([])
    expect(await cookies('/set')).toBe(2)
  })

  test('that was sent without a session is replaced by the first write', async () => {
    const { origin } = await site({ '/touch': ({ session }) => session.touch(), '/set': login })
    const ada = new Walker(origin)
    await ada.get('/touch')
    const first = await ada.cookie('session-id')
    await ada.get('/set')
    expect(await ada.cookie('session-id')).not.toBe(first)
  })

  test('with a wrong signature is none', async () => {
    const { origin } = await site({ '/set': login, '/': whole })
    const ada = new Walker(origin)
    await ada.get('/set')
    const id = await ada.cookie('session-id')
    const page = await fetch(origin, { headers: { cookie: `session-id=${id}; session-id.sig=x` } })
    expect(await page.json()).toEqual({})
  })
})

describe('in one request', () => {
  test('parallel writes of a new visitor make one session', async () => {
    const { origin, keys } = await site({
      '/': async ({ session }) => {
        await Promise.all([session.set({ a: 1 }), session.set({ b: 2 }), session.touch()])
        return session.get(['a', 'b'])
      },
    })
    const ada = new Walker(origin)
    const id = JSON.parse((await ada.get('/')).text).id
    expect(id).toBe(await ada.cookie('session-id'))
    expect(await keys()).toHaveLength(1)
  })

  test('parallel writes with the id of an expired session make one new session', async () => {
    const { origin, client, keys } = await site({
      '/set': login,
      '/': ({ session }) => Promise.all([session.set({ a: 1 }), session.set({ b: 2 })]),
      '/get': whole,
    })
    const ada = new Walker(origin)
    await ada.get('/set')
    await client.del(await keys())
    await ada.get('/')
    expect(await keys()).toHaveLength(1)
    expect(JSON.parse((await ada.get('/get')).text)).toMatchObject({ a: '1', b: '2' })
  })

  test('a failed call does not keep the next one from its turn', async () => {
    const { origin } = await site({
      '/': async ({ session }) => {
        const failed = await session.set({ a: {} as never }).catch((error: Error) => error.name)
        return [failed, await session.set({ a: 1 }), await session.get(['a'])]
      },
    })
    const [failed, , read] = JSON.parse((await new Walker(origin).get('/')).text)
    expect([failed, read.a]).toEqual(['HandstampError', '1'])
  })

  test('createSession(ctx) serves without the middleware', async () => {
    const { origin, Session, keys } = await site({
      '/': async ({ ctx }) => {
        const session = Session.createSession(ctx)
        await session.set({ a: 1 })
        return session.get(['a'])
      },
    })
    const ada = new Walker(origin)
    const { a, id } = JSON.parse((await ada.get('/')).text)
    expect([a, id]).toEqual(['1', await ada.cookie('session-id')])
    expect(await keys()).toHaveLength(1)
  })

  test('a write that nobody waits for still sends the cookie of a new visitor', async () => {
    const written = barrier<unknown>()
    const { origin, keys } = await site({
      '/': async ({ session }) => written.open(session.set({ a: 1 })),
    })
    const ada = new Walker(origin)
    await ada.get('/')
    await written.passed
    expect(await keys()).toEqual([expect.stringContaining(`{${await ada.cookie('session-id')}}`)])
  })

  test('a first write after the head of the response is refused, and leaves nothing behind', async () => {
    const refused = barrier<unknown>()
    const { origin, keys } = await site({
      '/': async ({ session, ctx }) => {
        ctx.respond = false
        ctx.res.end('gone')
        refused.open(await session.set({ a: 1 }).catch((error: unknown) => error))
      },
    })
    await fetch(origin)
    expect(await refused.passed).toMatchObject({ code: 'ERR_HEAD_SENT' })
    expect(await keys()).toEqual([])
  })

  test('fields that are no list are refused', async () => {
    const { origin } = await site({
      '/': ({ session }) =>
        session.get('name' as never).catch(({ code }: { code: string }) => code),
    })
    expect((await new Walker(origin).get('/')).text).toBe('"ERR_OPTION"')
  })
})

describe('where the cookie cannot be sent', () => {
  test.each([
    ['the app has no keys', { keys: undefined }],
    ['it is secure, over plain http', { secure: false }],
  ])('because %s, nothing is stored', async (_, cookies) => {
    const { origin, keys } = await site(
      {
        '/': async ({ ctx, session }) => {
          Object.assign(ctx.cookies, cookies)
          return session.set({ a: 1 })
        },
      },
      { secure: 'secure' in cookies },
    )
    expect((await fetch(origin)).status).toBe(500)
    expect(await keys()).toEqual([])
  })

  test('secure: true sends it over https', async () => {
    const { origin } = await site(
      {
        '/': async ({ ctx, session }) => {
          ctx.cookies.secure = true
          return session.set({ a: 1 })
        },
      },
      { secure: true },
    )
    const page = await fetch(origin)
    for (const cookie of page.headers.getSetCookie()) expect(cookie).toMatch(/; secure; httponly$/)
    expect(page.headers.getSetCookie()).toHaveLength(2)
  })
})

/** Milliseconds until the cookie ends. */
function lifetimeOf(headers: Headers): number {
  const [, expires = ''] = /expires=([^;]+)/.exec(headers.getSetCookie()[0] ?? '') ?? []
  return Date.parse(expires) - Date.now()
}
