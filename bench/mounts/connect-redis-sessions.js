/** connect-redis-sessions on redis-sessions, which brings its own node-redis 2. */
import ConnectRedisSessions from 'connect-redis-sessions'
import cookieParser from 'cookie-parser'

/** @type {import('../app.js').Mount} */
export async function mount(app, candidate, { port, database }) {
  app.use(cookieParser())
  app.use(
    ConnectRedisSessions({ app: 'bench', port, options: { db: database }, ...candidate.options }),
  )
  // Here only a user has a session: each visitor is one.
  let users = 0
  app.use(
    '/fill',
    (/** @type {any} */ request, /** @type {unknown} */ _response, /** @type {unknown} */ next) =>
      request.session.upgrade(`user-${++users}`, next),
  )
}
