import { createSessions } from 'handstamp'
import { session } from 'handstamp/koa'
import { redisStore } from 'handstamp/redis'
import Koa from 'koa'

const url = process.env.REDIS_URL ?? 'redis://localhost'
const sessions = createSessions({ store: redisStore({ url }) })
const app = new Koa()
app.use(session(sessions))
app.use(async (ctx) => {
  if (ctx.path === '/') ctx.body = `visit ${await ctx.session.increment('visits')}\n`
})
app.listen(process.env.PORT ?? 3000)
