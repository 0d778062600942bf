import express from 'express'
import { createSessions } from 'handstamp'
import { session } from 'handstamp/express'
import { redisStore } from 'handstamp/redis'

const url = process.env.REDIS_URL ?? 'redis://localhost'
const sessions = createSessions({ store: redisStore({ url }) })
const app = express()
app.use(session(sessions))
app.get('/', async (req, res) => {
  res.send(`visit ${await req.session.increment('visits')}\n`)
})
app.listen(process.env.PORT ?? 3000)
