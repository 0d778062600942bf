/** An application on express-session, over whichever store it is given. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import session from 'express-session'
import { onTestFinished } from 'vitest'

/** What express-session makes of a request. */
export interface Visit {
  sessionID: string
  session: Fields & {
    readonly id: string
    cookie: { maxAge: number | null }
    save(callback: (error?: unknown) => void): void
    reload(callback: (error?: unknown) => void): void
    regenerate(callback: (error?: unknown) => void): void
    destroy(callback?: (error?: unknown) => void): void
  }
}

interface Fields {
  user?: string
  count?: number
  late?: string
}

type Handler = (visit: Visit, done: (error: unknown, text?: string) => void) => void | Promise<void>

/** Serves each handler at its name; an error is a response with its status and code. */
export async function serve(
  store: unknown,
  handlers: Record<string, Handler>,
  options: object = {},
): Promise<string> {
  const app = express()
  const middleware = (session as (options: object) => RequestHandler)({
    store,
    secret: 'of the tests',
    resave: false,
    saveUninitialized: false,
    ...options,
  })
  app.use(middleware)
  for (const [name, handle] of Object.entries(handlers)) {
    app.get(`/${name}`, (request, response, next) => {
      const done = (error: unknown, text = 'done'): void => {
        if (error) next(error)
        else response.send(text)
      }
      void Promise.resolve(handle(request as unknown as Visit, done)).catch(next)
    })
  }
  const failed: ErrorRequestHandler = (
    error: { status?: number; code?: string },
    _,
    response,
    next,
  ) => {
    if (response.headersSent) next(error)
    else response.status(error.status ?? 500).send(error.code ?? 'error')
  }
  app.use(failed)
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sign-in, a counter, and every verb of a session. */
export const handlers = {
  login: ({ session: mine }, done) => {
    mine.user = 'ada'
    done(null)
  },
  count: ({ session: mine }, done) => {
    mine.count = (mine.count ?? 0) + 1
    done(null, `${mine.user} ${mine.count}`)
  },
  who: (visit, done) => done(null, `${visit.session ? visit.session.user : 'no session'}`),
  save: ({ session: mine }, done) => {
    mine.user = 'grace'
    mine.save(done)
  },
  reload: (visit, done) => {
    visit.session.user = 'forgotten'
    visit.session.reload((error) => done(error, visit.session.user))
  },
  regenerate: (visit, done) => {
    const { user } = visit.session
    visit.session.regenerate((error) => {
      if (user !== undefined) visit.session.user = user
      done(error)
    })
  },
  logout: ({ session: mine }, done) => mine.destroy(done),
} satisfies Record<string, Handler>
