/** The app that every candidate serves: one handler, and between it and the framework the session. */
import { profile } from './profile.js'

/**
 * Where the candidate's sessions are kept: a database of its own.
 * @typedef {{ port: number, database: number }} Address
 *
 * @typedef {import('http').RequestListener} Listener
 * @typedef {import('./candidates.js').Candidate} Candidate
 */

/**
 * Puts the session library in front of the handler.
 * @callback Mount
 * @param {{ use(...middleware: any[]): unknown }} app of Koa or Express
 * @param {Candidate} candidate
 * @param {Address} address
 * @returns {Promise<void>}
 */

export const secret = 'a secret of the benchmark, and of no worth'

/** What the bare frameworks serve from. */
const unkept = { ...profile }

/** @param {Candidate} candidate @param {Address} address @returns {Promise<Listener>} */
export async function createApp(candidate, address) {
  /** @param {Parameters<Mount>[0]} app */
  const mount = async (app) => {
    if (candidate.session === undefined) return
    const library = await import(`./mounts/${candidate.session}.js`)
    await library.mount(app, candidate, address)
  }
  return candidate.framework === 'koa' ? onKoa(mount) : onExpress(mount, candidate.framework)
}

/** @param {(app: any) => Promise<void>} mount */
async function onKoa(mount) {
  const { default: Koa } = await import('koa')
  const app = new Koa()
  app.keys = [secret]
  await mount(app)
  app.use((ctx) => {
    ctx.body = answer(ctx.path, ctx.session ?? unkept)
  })
  return app.callback()
}

/** @param {(app: any) => Promise<void>} mount @param {'express' | 'express4'} name */
async function onExpress(mount, name) {
  const { default: express } = await (name === 'express4' ? import('express4') : import('express'))
  const app = express()
  await mount(app)
  app.use((/** @type {any} */ request, /** @type {any} */ response) => {
    response.send(answer(request.path, request.session ?? unkept))
  })
  return app
}

/** The work of a request, and the text it answers with. @param {string} path @param {any} session */
function answer(path, session) {
  if (path === '/write') session.views = (session.views ?? 0) + 1
  else if (path === '/fill') Object.assign(session, profile)
  return path === '/write' ? `${session.views}` : (session.name ?? 'nobody')
}
