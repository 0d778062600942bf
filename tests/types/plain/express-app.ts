/** An Express application in TypeScript that leaves the types of Express alone. */
import { createSessions } from 'handstamp'
import type { Session } from 'handstamp'
import { session } from 'handstamp/express'
import type { WithSession } from 'handstamp/express'
import connect from 'connect'
import express from 'express'
import type { Request, Response } from 'express'

interface Data {
  views: number
  user: string
}

const sessions = createSessions<Data>()
export const app = express()
app.use(session(sessions, { lazy: true }))
app.use('/admin', session(createSessions({ cookie: { name: 'admin' } }), { property: 'admin' }))
app.use(express.Router().use(session(sessions)))

app.get('/', (req, res) => {
  // @ts-expect-error nothing is added to the requests of Express unasked
  console.log(req.session)
  const { session: own, sessionID } = req as WithSession<Data, Request>
  own.views = (own.views ?? 0) + 1
  res.send(sessionID?.slice(0, 3))
})

app.get('/get', (req, res, next) => {
  const show = (own: Session<Data>): unknown => res.send(`${own.views}`)
  sessions.getSession(req).then(show).catch(next)
})

app.post('/sign-in', (req, res, next) => {
  const own = (req as WithSession<Data, Request>).session
  void own.regenerate((error) => {
    if (error) return next(error)
    own.user = 'ann'
    void own.save((failure) => (failure ? next(failure) : res.redirect('/')))
  })
})

app.post('/sign-out', (req: Request, res: Response) => {
  const request = req as WithSession<Data, Request>
  request.session = null
  // @ts-expect-error it takes data of its own type
  request.session = { views: 'many' }
  res.redirect('/')
})

export const old = connect()
old.use(session(sessions))
old.use((req, res) => {
  const { views } = (req as WithSession<Data>).session
  res.end(String(views))
})
