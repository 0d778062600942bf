/** express-session on connect-redis, as both advise: nothing saved that was not changed. */
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { secret } from '../app.js'
import { connectNodeRedis } from './connect.js'

/** @type {import('../app.js').Mount} */
export async function mount(app, candidate, address) {
  const store = new RedisStore({ client: await connectNodeRedis(candidate, address) })
  app.use(session({ store, secret, resave: false, saveUninitialized: false, ...candidate.options }))
}
