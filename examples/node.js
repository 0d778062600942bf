import { createServer } from 'node:http'
import { createSessions } from 'handstamp'
import { withSession } from 'handstamp/node'
import { redisStore } from 'handstamp/redis'

const url = process.env.REDIS_URL ?? 'redis://localhost'
const sessions = createSessions({ store: redisStore({ url }) })
const listener = withSession(sessions, async (request, response) => {
  const session = await sessions.getSession(request)
  if (request.url === '/') response.end(`visit ${await session.increment('visits')}\n`)
  else response.writeHead(404).end()
})
createServer(listener).listen(process.env.PORT ?? 3000)
