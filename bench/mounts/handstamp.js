/** handstamp with its defaults, on a connection of the app's own. */
import { createSessions } from 'handstamp'
import { session as onExpress } from 'handstamp/express'
import { session as onKoa } from 'handstamp/koa'
import { redisStore } from 'handstamp/redis'
import { connect } from './connect.js'

/** @type {import('../app.js').Mount} */
export async function mount(app, candidate, address) {
  const client = await connect(candidate, address)
  // Redis tells a near cache what changed under its prefix in any database: else it would hear of all candidates.
  const prefix = `h${address.database.toString(16)}:`
  const sessions = createSessions({ store: redisStore({ client, prefix }), ...candidate.options })
  app.use(candidate.framework === 'koa' ? onKoa(sessions) : onExpress(sessions))
}
