/** The demo as a Koa app: what each form does to the session. */
import { readFileSync } from 'node:fs'
import { createSessions } from 'handstamp'
import { csrf, session } from 'handstamp/koa'
import Koa from 'koa'
import { readForm } from './form.js'
import { isForSale } from './goods.js'
import { setHeaders } from './guard.js'
import { brief, mostDevices, remembered } from './limits.js'
import { errorPage, homePage } from './pages.js'

/**
 * What a session of the demo holds.
 *
 * @typedef {object} Guest
 * @property {number} views page views
 * @property {number} stamps
 * @property {Record<string, number>} cart sku → pieces
 * @property {Notice} notice shown once, on the next page
 *
 * @typedef {{ kind: 'signed-in', before?: string }
 *   | { kind: 'revoked', count: number }
 *   | { kind: 'cart', added: boolean, sku: string }} Notice
 *
 * @typedef {Koa.ParameterizedContext<Koa.DefaultState, { session: import('handstamp').Session<Guest> }>} Context
 */

const assets = new Map([
  ['/style.css', 'text/css'],
  ['/script.js', 'text/javascript'],
  ['/favicon.svg', 'image/svg+xml'],
])

/** @param {{ store: import('handstamp').Store, place: string, keyOf?: ((handle: string) => string) | undefined }} options */
export function createApp({ store, place, keyOf }) {
  /** @type {import('handstamp').Sessions<Guest>} */
  const sessions = createSessions({
    store,
    idleTimeout: brief.idleTimeout,
    absoluteTimeout: brief.absoluteTimeout,
    maxSessionsPerUser: mostDevices,
    // Cookies do not know ports: a name of its own keeps the demo away from other apps on localhost.
    cookie: { name: 'demo-sid', secure: 'auto' },
  })
  sessions.events.on('storeFailed', ({ operation, error }) => {
    const { cause } = error
    console.error(
      `${operation}: ${error.code}`,
      cause instanceof Error ? cause.message : error.message,
    )
  })

  const app = new Koa()
  app.use(answerErrors)
  app.use(serveAssets)
  app.use(session(sessions))
  // Forms of other sites are refused before any route sees them.
  app.use(csrf(sessions))

  /** @type {Record<string, ((ctx: Context) => Promise<void>) | undefined>} */
  const routes = {
    'GET /': async (ctx) => {
      await ctx.session.increment('views')
      // Of several tabs one shows the notice.
      const notice = ctx.session.notice && (await ctx.session.take('notice'))
      // A new session has its handle from its first save on; the page shows it.
      if (ctx.session.meta.isNew) await ctx.session.save()
      const isSignedOut = ctx.querystring === 'signed-out'
      const devices = await devicesOf(ctx)
      ctx.body = homePage({ session: ctx.session, devices, notice, isSignedOut, place, keyOf }).text
    },

    'POST /cart': async (ctx) => {
      const form = await readForm(ctx)
      const sku = form.get('sku') ?? ''
      const added = form.get('change') === 'add'
      if (!isForSale(sku)) ctx.throw(400)
      await ctx.session.update('cart', (cart = {}) => {
        const pieces = Math.min(99, (cart[sku] ?? 0) + (added ? 1 : -1))
        const { [sku]: _, ...others } = cart
        return pieces > 0 ? { ...cart, [sku]: pieces } : others
      })
      ctx.session.notice = { kind: 'cart', added, sku }
      back(ctx, '/#stall')
    },

    'POST /stamps': async (ctx) => {
      await ctx.session.increment('stamps')
      back(ctx, '/#card')
    },

    'POST /sign-in': async (ctx) => {
      const form = await readForm(ctx)
      const name = (form.get('name') ?? '').trim().slice(0, 40)
      if (name === '') ctx.throw(400)
      const before = ctx.session.meta.handle
      ctx.session.notice = { kind: 'signed-in', ...(before && { before }) }
      // Here an app checks a password first. The data come along, the id is a new one.
      await ctx.session.signIn(name, form.has('remember') ? remembered : brief)
      back(ctx, '/')
    },

    'POST /sign-out': async (ctx) => {
      await ctx.session.signOut()
      back(ctx, '/?signed-out')
    },

    'POST /devices/sign-out': async (ctx) => {
      const handle = (await readForm(ctx)).get('handle') ?? ''
      const { userId } = ctx.session.meta
      // Ends sessions of this user only, whatever handle was posted.
      if (userId !== undefined) {
        const { ended } = await sessions.user(userId).revoke(handle)
        ctx.session.notice = { kind: 'revoked', count: ended.length }
      }
      back(ctx, '/#devices')
    },

    'POST /devices/sign-out-others': async (ctx) => {
      const { userId } = ctx.session.meta
      if (userId !== undefined) {
        const { ended } = await sessions.user(userId).revokeOthers(ctx.session)
        ctx.session.notice = { kind: 'revoked', count: ended.length }
      }
      back(ctx, '/#devices')
    },
  }

  app.use(async (ctx) => {
    const route = routes[`${ctx.method === 'HEAD' ? 'GET' : ctx.method} ${ctx.path}`]
    if (!route) return ctx.throw(404)
    return route(/** @type {Context} */ (ctx))
  })
  return { app, sessions }

  /** The live sessions of whoever is signed in, the one that asks first. @param {Context} ctx */
  async function devicesOf({ session: current }) {
    const { userId } = current.meta
    if (userId === undefined) return []
    const { sessions: live } = await sessions.user(userId).list({ current })
    return live.toSorted((a, b) => Number(b.isCurrent) - Number(a.isCurrent))
  }
}

/** 303: the browser gets the page, and a reload does not post again. @param {Context} ctx @param {string} path */
function back(ctx, path) {
  ctx.redirect(path)
  ctx.status = 303
}

/** @type {Koa.Middleware} */
async function answerErrors(ctx, next) {
  setHeaders(ctx)
  try {
    await next()
  } catch (error) {
    const { status = 500 } = /** @type {{ status?: number }} */ (error)
    if (status === 500) console.error(error)
    // What the route said about its own answer does not hold for this one.
    for (const name of ctx.res.getHeaderNames()) ctx.remove(name)
    setHeaders(ctx)
    ctx.status = status
    ctx.type = 'html'
    ctx.body = errorPage(status).text
  }
}

/** Before the sessions: an asset needs none. @type {Koa.Middleware} */
async function serveAssets(ctx, next) {
  const type = assets.get(ctx.path)
  if (type === undefined) return next()
  ctx.type = type
  ctx.set('Cache-Control', 'no-cache')
  ctx.body = readFileSync(new URL(`.${ctx.path}`, import.meta.url))
}
