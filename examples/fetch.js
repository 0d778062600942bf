import { createSessions } from 'handstamp'
import { withSession } from 'handstamp/fetch'
import { redisStore } from 'handstamp/redis'

const url = process.env.REDIS_URL ?? 'redis://localhost'
const sessions = createSessions({ store: redisStore({ url }) })
export default {
  fetch: withSession(sessions, async (request) => {
    if (new URL(request.url).pathname !== '/') return new Response(null, { status: 404 })
    const session = await sessions.getSession(request)
    return new Response(`visit ${await session.increment('visits')}\n`)
  }),
}
