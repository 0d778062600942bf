/** The middleware that people have beside their sessions goes on working. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as util from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Router } from '@koa/router'
import compression from 'compression'
import flash from 'connect-flash'
import cookieParser from 'cookie-parser'
import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import { Passport } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { describe, expect, test } from 'vitest'
import { session as expressSession } from '../../src/adapters/express.ts'
import type { WithSession } from '../../src/adapters/express.ts'
import { session as koaSession } from '../../src/adapters/koa.ts'
import { createSessions } from '../../src/index.ts'
import { browser, connectTo } from './support/browser.ts'
import type { Browser } from './support/browser.ts'
import { listen } from './support/frameworks.ts'
import type { Running } from './support/frameworks.ts'
import { roundTrip } from './support/raw-frameworks.ts'
import { stagedStore } from './support/store.ts'
import type { StagedStore } from './support/store.ts'

interface Data {
  user: string
  cart: string[]
  passport: { user?: string }
  flash: Record<string, string[]>
}

type Request = WithSession<Data, express.Request>

interface Site {
  readonly store: StagedStore
  readonly app: express.Application
  readonly middleware: express.RequestHandler
}

function site(create: typeof express): Site {
  const store = stagedStore()
  const sessions = createSessions<Data>({ store, storeTimeout: '60s' })
  const app = create()
  app.get('/ping', (_request, response) => void response.send('pong'))
  return { store, app, middleware: expressSession(sessions) }
}

/** Errors are recorded, and answered as Express does. */
function serve(app: express.Application): Promise<Running> {
  const errors: unknown[] = []
  app.use(((error, _request, _response, next) => {
    errors.push(error)
    next(error)
  }) as express.ErrorRequestHandler)
  return listen(createServer(app), 'http1', errors)
}

describe.each([
  ['5', express],
  ['4', express4],
] as const)('Express %s', (_, create) => {
  describe.each([false, true])('passport, keepSessionInfo %s', (keepSessionInfo) => {
    async function shop(): Promise<{ store: StagedStore; server: Running; visitor: Browser }> {
      const { store, app, middleware } = site(create)
      const passport = new Passport()
      passport.use(
        new LocalStrategy((name, password, done) => done(null, password === 'x' && { name })),
      )
      passport.serializeUser((user, done) => done(null, (user as { name: string }).name))
      passport.deserializeUser((name: string, done) => done(null, { name }))
      app.use(middleware, create.urlencoded({ extended: false }), passport.session())
      app.post(
        '/login',
        passport.authenticate('local', { keepSessionInfo }) as express.RequestHandler,
        (_request, response) => response.redirect('/'),
      )
      app.post('/logout', (request, response, next) => {
        request.logout({ keepSessionInfo }, (error) =>
          error ? next(error) : response.redirect('/'),
        )
      })
      app.post('/cart', (request, response) => {
        ;(request as Request).session.cart = ['tea']
        response.send('added')
      })
      app.get('/', (request, response) => {
        const { cart = [] } = (request as Request).session
        const { name } = (request.user ?? { name: 'nobody' }) as { name: string }
        response.send(`${name}: ${cart.join()}`)
      })
      const server = await serve(app)
      return { store, server, visitor: await browser(server) }
    }

    async function login(visitor: Browser, password = 'x'): Promise<number> {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const body = `username=ann&password=${password}`
      return (await visitor.post('/login', { headers, body })).status
    }

    const kept = keepSessionInfo ? 'tea' : ''

    test('a login changes the id, and the old cookie is dead', async () => {
      const { server, visitor } = await shop()
      await visitor.post('/cart')
      const before = visitor.cookieFor()
      expect(await login(visitor)).toBe(302)
      expect(visitor.cookieFor()).not.toBe(before)
      expect((await visitor.get('/')).text).toBe(`ann: ${kept}`)
      const thief = await browser(server)
      expect((await thief.get('/', { headers: { cookie: before } })).text).toBe('nobody: ')
    })

    test('a visitor without a session logs in', async () => {
      const { visitor } = await shop()
      expect(await login(visitor)).toBe(302)
      expect((await visitor.get('/')).text).toBe('ann: ')
    })

    test('a wrong password changes nothing', async () => {
      const { visitor } = await shop()
      await visitor.post('/cart')
      const before = visitor.cookieFor()
      expect(await login(visitor, 'y')).toBe(401)
      expect(visitor.cookieFor()).toBe(before)
      expect((await visitor.get('/')).text).toBe('nobody: tea')
    })

    test('after a logout the cookie of the login is dead', async () => {
      const { server, visitor } = await shop()
      await login(visitor)
      await visitor.post('/cart')
      const before = visitor.cookieFor()
      expect((await visitor.post('/logout')).status).toBe(302)
      expect(visitor.cookieFor()).not.toBe(before)
      expect(visitor.cookieFor() === '').toBe(!keepSessionInfo)
      expect((await visitor.get('/')).text).toBe(`nobody: ${kept}`)
      const thief = await browser(server)
      expect((await thief.get('/', { headers: { cookie: before } })).text).toBe('nobody: ')
    })

    test('a login that cannot be saved is an error, and the old session stays as it was', async () => {
      const { store, server, visitor } = await shop()
      await visitor.post('/cart')
      const before = visitor.cookieFor()
      store.fail('regenerate')
      expect(await login(visitor)).toBe(503)
      expect(server.errors).toMatchObject([{ code: 'ERR_STORE' }])
      expect(visitor.cookieFor()).toBe(before)
      store.heal()
      expect((await visitor.get('/')).text).toBe('nobody: tea')
    })
  })

  // connect-flash 0.1.1 needs a function that Node.js 23 dropped.
  test.runIf('isArray' in util)(
    'connect-flash: a message is shown once, after the redirect',
    async () => {
      const { app, middleware } = site(create)
      app.use(middleware, flash())
      app.post('/', (request, response) => {
        request.flash('info', 'saved')
        response.redirect('/')
      })
      app.get('/', (request, response) => void response.json(request.flash('info')))
      const visitor = await browser(await serve(app))
      expect((await visitor.post()).status).toBe(302)
      expect((await visitor.get()).text).toBe('["saved"]')
      expect((await visitor.get()).text).toBe('[]')
    },
  )

  test('cookie-parser: its cookies and ours are both read and both set', async () => {
    const { app, middleware } = site(create)
    app.use(cookieParser('a secret of another package'), middleware)
    app.get('/', (request, response) => {
      const { session } = request as Request
      const theme = String(request.signedCookies['theme'])
      const before = session.user
      session.user = 'ann'
      response.cookie('theme', 'dark', { signed: true }).send(`${theme} ${before}`)
    })
    const visitor = await browser(await serve(app))
    const { cookies, text } = await visitor.get()
    expect(text).toBe('undefined undefined')
    expect(cookies.map((line) => line.split('=')[0])).toEqual(['theme', 'sid'])
    expect((await visitor.get()).text).toBe('dark ann')
  })

  describe.each(['before', 'after'])('compression mounted %s the sessions', (place) => {
    const text = randomBytes(100_000).toString('hex')
    const answers: [title: string, answer: (response: express.Response) => unknown][] = [
      ['sent at once', (response) => response.send(text)],
      ['streamed', (response) => Readable.from(chunksOf(text)).pipe(response)],
      ['generated', (response) => pipeline(() => chunksOf(text), response).catch(() => undefined)],
      [
        'written in pieces that are flushed',
        (response) => {
          for (const chunk of chunksOf(text)) {
            response.write(chunk)
            response.flush()
          }
          response.end()
        },
      ],
    ]

    async function serveText(answer: (response: express.Response) => unknown): Promise<{
      store: StagedStore
      server: Running
    }> {
      const { store, app, middleware } = site(create)
      if (place === 'before') app.use(compression(), middleware)
      else app.use(middleware, compression())
      app.get('/', (request, response) => {
        ;(request as Request).session.user = 'ann'
        response.type('text')
        answer(response)
      })
      return { store, server: await serve(app) }
    }

    const headers = { 'Accept-Encoding': 'gzip' }

    test.each(answers)(
      'a text %s arrives compressed, and not before the save',
      async (_title, answer) => {
        const { store, server } = await serveText(answer)
        const hold = store.hold()
        const connection = await connectTo(server)
        const exchange = connection.send('/', { headers })
        await hold.reached
        await roundTrip(server)
        expect(await connection.received()).toBe(0)
        hold.release()
        const { body, headers: lines, cookies } = await exchange.answer
        expect(gunzipSync(body).toString()).toBe(text)
        expect(lines['content-encoding']).toEqual(['gzip'])
        expect(cookies).toHaveLength(1)
      },
    )

    test.each(answers)('a text %s does not arrive where the save fails', async (_title, answer) => {
      const { store, server } = await serveText(answer)
      const hold = store.hold()
      const exchange = (await connectTo(server)).send('/', { headers })
      await hold.reached
      await roundTrip(server)
      store.fail('create')
      hold.release()
      const { status, text: page, headers: lines } = await exchange.answer
      expect(status).toBe(503)
      expect(lines['content-encoding']).toBeUndefined()
      expect(page).toMatch(/Service Unavailable|The session store failed/)
      store.heal()
      // The compressed rest of the handler's answer comes to nothing, and harms nobody.
      await roundTrip(server)
    })
  })
})

function chunksOf(text: string): string[] {
  return text.match(/.{1,9999}/g) ?? []
}

describe('Koa', () => {
  test('@koa/router: its handlers, nested ones too, have the session', async () => {
    const store = stagedStore()
    const sessions = createSessions<Data>({ store, storeTimeout: '60s' })
    const app = new Koa()
    app.use(koaSession(sessions))
    const cart = new Router({ prefix: '/cart' })
    cart.post('/:item', (ctx) => {
      const { session } = ctx as unknown as WithSession<Data, object>
      session.cart = [...(session.cart ?? []), String(ctx.params['item'])]
      ctx.redirect('/cart')
    })
    cart.get('/', (ctx) => {
      ctx.body = (ctx as unknown as WithSession<Data, object>).session.cart?.join() ?? 'empty'
    })
    const router = new Router()
    router.use(cart.routes())
    app.use(router.routes()).use(router.allowedMethods())
    const listener = app.callback()
    const server = await listen(
      createServer((request, response) => void listener(request, response)),
    )
    const visitor = await browser(server)
    expect((await visitor.get('/cart')).text).toBe('empty')
    expect((await visitor.post('/cart/tea')).status).toBe(302)
    await visitor.post('/cart/jam')
    expect((await visitor.get('/cart')).text).toBe('tea,jam')
    expect((await visitor.get('/cart', { method: 'DELETE' })).status).toBe(405)
  })

  test('a middleware that throws after the session was written: the page is an error, the session is saved', async () => {
    const store = stagedStore()
    const sessions = createSessions<Data>({ store, storeTimeout: '60s' })
    const app = new Koa()
    const failures: unknown[] = []
    app.on('error', (error) => failures.push(error))
    app.use(koaSession(sessions))
    app.use(async (ctx, next) => {
      const { session } = ctx as unknown as WithSession<Data, object>
      if (ctx.path === '/read') return void (ctx.body = session.user)
      await next()
      session.user = 'ann'
      ctx.throw(418, 'no coffee here')
    })
    const listener = app.callback()
    const server = await listen(
      createServer((request, response) => void listener(request, response)),
    )
    const visitor = await browser(server)
    const created = once(sessions.events, 'created')
    const { status, text, cookies } = await visitor.get('/')
    await created
    expect([status, text, cookies.length]).toEqual([418, 'no coffee here', 1])
    expect((await visitor.get('/read')).text).toBe('ann')
  })
})
