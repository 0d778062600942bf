import connect from 'connect'
import { createSessions } from 'handstamp'
import { session } from 'handstamp/express'
import { redisStore } from 'handstamp/redis'

const url = process.env.REDIS_URL ?? 'redis://localhost'
const sessions = createSessions({ store: redisStore({ url }) })
const app = connect()
app.use(session(sessions))
app.use((req, res, next) => {
  if (req.url !== '/') return next()
  const counting = sessions.getSession(req).then((guest) => guest.increment('visits'))
  counting.then((visits) => res.end(`visit ${visits}\n`), next)
})
app.listen(process.env.PORT ?? 3000)
