/** Applications without a framework. */
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createSessions } from 'handstamp'
import { withSession as withFetch } from 'handstamp/fetch'
import { withSession } from 'handstamp/node'

const sessions = createSessions<{ views: number }>()

export const http = createServer(
  withSession(sessions, async (request, response) => {
    const session = await sessions.getSession(request)
    response.end(String(await session.increment('views')))
  }),
)

export const http2 = createHttp2Server(
  withSession(sessions, async (request, response) => {
    const session = await sessions.getSession(request)
    response.end(String(session.views))
  }),
)

interface Environment {
  readonly name: string
}
export const worker: (request: Request, environment: Environment) => Promise<Response> = withFetch(
  sessions,
  async (request, environment: Environment) => {
    const session = await sessions.getSession(request)
    return Response.json({ ...session, name: environment.name })
  },
)
