/** An Express application in TypeScript that has asked for `req.session` in every handler. */
// oxlint-disable-next-line import/no-unassigned-import -- this is how it is asked for
import 'handstamp/express/augment'
import type { SessionData } from 'handstamp/express/augment'
import { createSessions } from 'handstamp'
import { session } from 'handstamp/express'
import express from 'express'

declare module 'handstamp/express/augment' {
  interface SessionData {
    views: number
    user: string
  }
}

const sessions = createSessions<SessionData>()
export const app = express()
app.use(session(sessions))

app.get('/', (req, res, next) => {
  req.session.views = (req.session.views ?? 0) + 1
  req.session.increment('views').catch(next)
  // @ts-expect-error fields have the types that were merged into SessionData
  req.session.user = 1
  // @ts-expect-error there is no such field
  req.session.usr = 'ann'
  res.send(req.sessionID?.slice(0, 3))
})

app.post('/sign-out', (req, res) => {
  req.session = null
  res.redirect('/')
})

app.post('/start-over', (req, res) => {
  req.session = { views: 0 }
  res.redirect('/')
})
