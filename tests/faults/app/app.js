/** What the app does with its sessions; the same routes for every library. */

/**
 * A request of the app, whichever the framework.
 * @typedef {object} Turn
 * @property {string} path
 * @property {URLSearchParams} query
 * @property {() => any} session
 * @property {() => Promise<void>} logout as the library wants it
 *
 * @typedef {object} App
 * @property {import('http').RequestListener} listener
 * @property {() => number} storeCalls
 *
 * @callback Mount
 * @param {{ use(...middleware: any[]): unknown }} app of Koa or Express
 * @param {import('./server.js').Setup} setup
 * @returns {Promise<Mounted>}
 *
 * @typedef {object} Mounted
 * @property {() => number} [storeCalls]
 * @property {any} [sessions] of handstamp
 */

export const secret = 'a secret of the fault kit, and of no worth'

/** @param {import('./server.js').Setup} setup @returns {Promise<App>} */
export async function createApp(setup) {
  const library = await import(`./mounts/${setup.library}.js`)
  return library.framework === 'koa' ? onKoa(library.mount, setup) : onExpress(library.mount, setup)
}

/** @param {Mount} mount @param {import('./server.js').Setup} setup @returns {Promise<App>} */
async function onKoa(mount, setup) {
  const { default: Koa } = await import('koa')
  const app = new Koa()
  app.keys = [secret]
  // The status says it; there will be many.
  app.on('error', () => {})
  const mounted = await mount(app, setup)
  app.use(async (ctx) => {
    /** @type {Turn} */
    const turn = {
      path: ctx.path,
      query: new URLSearchParams(ctx.querystring),
      session: () => ctx.session,
      logout: async () => void (ctx.session = null),
    }
    ctx.body = (await answer(turn, mounted.sessions)) ?? {}
  })
  const answerTo = app.callback()
  return {
    listener: (request, response) => void answerTo(request, response),
    storeCalls: mounted.storeCalls ?? (() => 0),
  }
}

/** @param {Mount} mount @param {import('./server.js').Setup} setup @returns {Promise<App>} */
async function onExpress(mount, setup) {
  const { default: express } = await import('express')
  const app = express()
  const mounted = await mount(app, setup)
  // Express 5 awaits its handlers.
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers
  app.use(async (request, response) => {
    const { session } = /** @type {any} */ (request)
    /** @type {Turn} */
    const turn = {
      path: request.path,
      query: new URLSearchParams(request.url.split('?')[1]),
      session: () => session,
      logout: () =>
        new Promise((resolve, reject) =>
          session.destroy((/** @type {unknown} */ error) => (error ? reject(error) : resolve())),
        ),
    }
    response.send((await answer(turn, mounted.sessions)) ?? {})
  })
  app.use(
    (
      /** @type {any} */ error,
      /** @type {any} */ _request,
      /** @type {any} */ response,
      /** @type {unknown} */ _next,
    ) => void response.status(error.status ?? 500).end(),
  )
  return { listener: app, storeCalls: mounted.storeCalls ?? (() => 0) }
}

/**
 * The body of the answer.
 * @param {Turn} turn
 * @param {any} sessions
 * @returns {Promise<object | undefined>}
 */
async function answer({ path, query, session, logout }, sessions) {
  switch (path) {
    case '/read':
      return { n: session()?.n ?? null }
    case '/write':
      session().n = Number(query.get('n'))
      return { n: session().n }
    case '/increment':
      return { hits: await session().increment('hits') }
    case '/hits':
      return { hits: session().hits ?? 0 }
    case '/sign-in':
      await session().signIn(query.get('user'))
      return undefined
    case '/revoke':
      return sessions.user(query.get('user')).revokeAll()
    case '/logout':
      await logout()
      return undefined
    default:
      return { hello: 'visitor' }
  }
}
