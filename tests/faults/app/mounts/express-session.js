/** express-session on connect-redis, as both advise: nothing saved that was not changed. */
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { secret } from '../app.js'
import { connectNodeRedis } from '../connect.js'

export const framework = 'express'

/** @type {import('../app.js').Mount} */
export async function mount(app, { address }) {
  const store = new RedisStore({ client: await connectNodeRedis(address) })
  app.use(session({ store, secret, resave: false, saveUninitialized: false }))
  return {}
}
