/** Each option does what it does in the original. */
import type Koa from 'koa'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { cookieLines, membersArea, NotingStore, rows, site, strayingStore } from './kit.ts'
import type { Handler, Options } from './kit.ts'

const DAY = 86_400_000

describe.each(rows)('$title', ({ session, App }) => {
  async function visit(options: Options, handler: Handler = membersArea) {
    const store = new NotingStore()
    const { visitor, errors } = await site([session({ store, ...options })], handler, { App })
    return { store, errors, walker: visitor() }
  }

  test('key names the cookie, prefix begins the keys of the store; unknown options are ignored', async () => {
    const plain = await visit({})
    await plain.walker.get('/in')
    expect([...plain.store.kept.keys()]).toEqual([expect.stringMatching(/^koa:sess:[\w-]{32}$/)])
    expect(await plain.walker.cookie('koa.sid')).toHaveLength(32)

    const unknown = { secret: 'x' }
    const named = await visit({ key: 'id', prefix: 'app:', ...unknown })
    await named.walker.get('/in')
    expect([...named.store.kept.keys()]).toEqual([`app:${await named.walker.cookie('id')}`])
    expect((await named.walker.get('/')).text).toBe('ada')
    const bare = await visit({ prefix: '' })
    await bare.walker.get('/in')
    expect([...bare.store.kept.keys()]).toEqual([await bare.walker.cookie('koa.sid')])
  })

  test.each<[string, Options, number]>([
    ['the default of the cookie', {}, DAY],
    ['ttl', { ttl: 5000 }, 5000],
    ['ttl of the session', { ttl: (now) => Object.keys(now).length * 1000 }, 2000],
    [
      'cookie.maxAge where ttl gives none',
      { ttl: () => undefined, cookie: { maxAge: 7000 } },
      7000,
    ],
    ['cookie.maxage', { cookie: { maxage: 8000 } }, 8000],
  ])('the store keeps a session for the milliseconds of %s', async (_, options, ttl) => {
    const { store, walker } = await visit(options)
    await walker.get('/in')
    expect([...store.kept.values()].map((kept) => kept.ttl)).toEqual([ttl])
  })

  test('cookie.expires wins over cookie.maxAge', async () => {
    const { store, walker } = await visit({}, (ctx) => {
      ctx['session'].cookie.expires ??= new Date(Date.now() + 3_600_000)
      ctx['session'].n = (ctx['session'].n ?? 0) + 1
      ctx.body = String(ctx['session'].cookie.expires instanceof Date)
    })
    for (let n = 0; n < 2; n++) {
      expect((await walker.get('/')).text).toBe('true')
      const [kept] = [...store.kept.values()]
      expect(kept?.ttl).toBeLessThanOrEqual(3_600_000)
      expect(kept?.ttl).toBeGreaterThan(3_590_000)
    }
  })

  test('without rolling only a change is saved, with it every request', async () => {
    for (const rolling of [false, true]) {
      const { store, walker } = await visit({ rolling })
      await walker.get('/')
      await walker.get('/in')
      store.drain()
      const page = await walker.get('/')
      expect(store.drain()).toEqual(rolling ? ['get', 'set'] : ['get'])
      expect(cookieLines(page)).toHaveLength(rolling ? 2 : 0)
    }
  })

  test('genSid gets the context and 24, and may be async', async () => {
    const asked: unknown[] = []
    const { walker } = await visit({
      async genSid(length) {
        asked.push(this.path, length)
        return 'chosen'
      },
    })
    await walker.get('/in')
    expect(asked).toEqual(['/in', 24])
    expect(await walker.cookie('koa.sid')).toBe('chosen')
  })

  test('allowEmpty stores a session that nothing was written to', async () => {
    for (const allowEmpty of [false, true]) {
      const { store, walker } = await visit({ allowEmpty })
      const page = await walker.get('/')
      expect(store.sessions()).toHaveLength(allowEmpty ? 1 : 0)
      expect(cookieLines(page)).toHaveLength(allowEmpty ? 2 : 0)
    }
  })

  test('errorHandler gets what get and set fail with, never what destroy does', async () => {
    const told: unknown[] = []
    const { store, errors, walker } = await visit({
      errorHandler: (error, type, ctx) => told.push((error as Error).message, type, ctx.path),
    })
    const failing = (name: string): void => {
      store.before = (method) => {
        if (method === name) throw new Error(`${name} failed`)
      }
    }
    failing('set')
    expect((await walker.get('/in')).status).toBe(200)
    expect(told.splice(0)).toEqual(['set failed', 'set', '/in'])
    failing('none')
    await walker.get('/in')
    failing('destroy')
    expect((await walker.get('/out')).status).toBe(500)
    expect(errors.map(({ message }) => message)).toEqual(['destroy failed'])
    expect(told).toEqual([])
    failing('get')
    await walker.get('/in')
    failing('none')
    await walker.get('/in')
    failing('get')
    expect((await walker.get('/')).status).toBe(200)
    expect(told.slice(-3)).toEqual(['get failed', 'get', '/'])
  })

  test('without errorHandler the error is thrown, its name says where it comes from', async () => {
    const { store, errors, walker } = await visit({})
    await walker.get('/in')
    for (const [method, path] of [
      ['get', '/'],
      ['set', '/in'],
    ] as const) {
      store.kept.clear()
      await walker.get('/in')
      if (method === 'set') store.kept.clear()
      store.before = (name) => {
        if (name === method) throw new Error('broken')
      }
      expect((await walker.get(path)).status).toBe(500)
      expect(errors.pop()?.name).toBe(`koa-generic-session ${method} error`)
      store.before = () => undefined
    }
    store.before = () => {
      throw Object.defineProperty(new Error('broken'), 'name', { get: () => 'Fixed' })
    }
    expect((await walker.get('/in')).status).toBe(500)
    expect(errors.pop()?.name).toBe('Fixed')
  })

  test('an error with the code ENOENT means that there is no session', async () => {
    const { store, errors, walker } = await visit({})
    await walker.get('/in')
    store.before = (method) => {
      if (method === 'get') throw Object.assign(new Error('no file'), { code: 'ENOENT' })
    }
    expect((await walker.get('/')).text).toBe('nobody')
    expect(await walker.cookie('koa.sid')).toBeUndefined()
    expect(errors).toEqual([])
  })

  test('sessionIdStore takes the place of the cookie', async () => {
    const calls: unknown[] = []
    const { store, walker } = await visit({
      sessionIdStore: {
        get() {
          return (this as Koa.Context).get('x-path') || (this.path === '/' ? 'unknown' : undefined)
        },
        set(sid, now) {
          calls.push(['set', sid.length, now['user']])
        },
        reset() {
          calls.push(['reset', this.path])
        },
      },
    })
    const page = await walker.get('/in')
    expect(calls.splice(0)).toEqual([['set', 32, 'ada']])
    expect(cookieLines(page)).toEqual([])
    expect(store.sessions()).toHaveLength(1)
    await walker.get('/')
    expect(calls).toEqual([['reset', '/']])
  })

  test('a session that valid refuses is left for an empty one with a new id', async () => {
    const seen: unknown[] = []
    let isValid = true
    const { store, walker } = await visit({
      valid(ctx, now) {
        seen.push(ctx.path, now['user'])
        return isValid
      },
    })
    await walker.get('/in')
    const sid = await walker.cookie('koa.sid')
    isValid = false
    const page = await walker.get('/')
    expect(page.text).toBe('nobody')
    expect(seen).toEqual(['/in', undefined, '/', 'ada'])
    expect(cookieLines(page)).toEqual([
      expect.stringMatching(/^koa.sid=; .*1970/),
      expect.stringMatching(/^koa.sid.sig=/),
    ])
    expect(await walker.cookie('koa.sid')).toBeUndefined()
    expect([...store.kept.keys()]).toEqual([`koa:sess:${sid}`])
  })

  test('beforeSave runs before each save and may change the session', async () => {
    let saves = 0
    const { store, walker } = await visit({
      beforeSave(ctx, now) {
        now['saved'] = `${++saves} ${ctx.path}`
      },
    })
    await walker.get('/in')
    await walker.get('/')
    expect(store.sessions()).toMatchObject([{ user: 'ada', saved: '1 /in' }])
  })

  test('the cookie has its defaults, the options of cookie, and those of its own session', async () => {
    const plain = await visit({})
    const page = await plain.walker.get('/in')
    expect(cookieLines(page)).toEqual([
      'koa.sid=…; path=/; expires=…; httponly',
      'koa.sid.sig=…; path=/; expires=…; httponly',
    ])
    const [expires] = /expires=[^;]*/.exec(page.headers.getSetCookie()[0]!)!
    expect(Math.abs(Date.parse(expires.slice(8)) - Date.now() - DAY)).toBeLessThan(5000)

    const cookie = { signed: false, httpOnly: false, sameSite: 'lax', maxAge: null } as const
    const own = await visit({ cookie }, (ctx) => {
      if (ctx.path === '/long') ctx['session'].cookie.maxAge = DAY
      ctx['session'].user = 'ada'
    })
    expect(cookieLines(await own.walker.get('/'))).toEqual(['koa.sid=…; path=/; samesite=lax'])
    expect(cookieLines(await own.walker.get('/long'))).toEqual([
      'koa.sid=…; path=/; expires=…; samesite=lax',
    ])
    expect(own.store.sessions()).toMatchObject([{ cookie: { maxAge: DAY, signed: false } }])
  })

  test('a request outside of cookie.path has a sessionStore and nothing else', async () => {
    const { walker } = await visit({ cookie: { path: '/a' } }, (ctx) => {
      const names =
        '_session session sessionId sessionSave saveSession regenerateSession sessionStore'
      ctx.body = names.split(' ').filter((name) => ctx[name] !== undefined && ctx[name] !== null)
    })
    expect((await walker.get('/b')).text).toBe('["sessionStore"]')
    const { text } = await walker.get('/a/b')
    expect(JSON.parse(text)).toEqual(
      expect.arrayContaining(['_session', 'session', 'sessionId', 'saveSession']),
    )
  })

  test('the default store is a MemoryStore; in production it warns, in the same words', async () => {
    const { visitor } = await site([session()], membersArea, { App })
    const walker = visitor()
    await walker.get('/in')
    expect((await walker.get('/')).text).toBe('ada')

    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    onTestFinished(() => {
      vi.restoreAllMocks()
      vi.unstubAllEnvs()
    })
    session()
    expect(warn).not.toHaveBeenCalled()
    vi.stubEnv('NODE_ENV', 'production')
    session({ store: new NotingStore() })
    expect(warn).not.toHaveBeenCalled()
    session()
    session({ store: new session.MemoryStore() })
    expect(warn.mock.calls).toEqual([[warning], [warning]])
  })
})

const warning = `Warning: koa-generic-session's MemoryStore is not
designed for a production environment, as it will leak
memory, and will not scale past a single process.`

describe.each(rows)('$title, with a store that goes away', ({ session }) => {
  test('a request waits for connect', async () => {
    const { store, request } = strayingStore(session)
    store.emit('disconnect')
    const outcome = request()
    expect(await outcome()).toBe('waits')
    await vi.advanceTimersByTimeAsync(5000)
    expect(await outcome()).toBe('waits')
    store.emit('connect')
    expect(await outcome()).toBe('served')
    expect(await request()()).toBe('served')
  })

  test.each([
    ['10 seconds by default', undefined, 10_000],
    ['10 seconds for 0', 0, 10_000],
    ['its milliseconds', 50, 50],
  ])('reconnectTimeout: a request waits %s', async (_, timeout, patience) => {
    const { store, request } = strayingStore(session, timeout)
    store.emit('disconnect')
    const outcome = request()
    await vi.advanceTimersByTimeAsync(patience - 1)
    expect(await outcome()).toBe('waits')
    await vi.advanceTimersByTimeAsync(1)
    expect(await outcome()).toBe('session store is unavailable')
    expect(await request()()).toBe('session store is unavailable')
    store.emit('connect')
    expect(await request()()).toBe('served')
  })
})
