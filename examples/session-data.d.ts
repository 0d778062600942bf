/** Types `req.session` in express.js, as an Express application in TypeScript would. */
import type {} from 'handstamp/express/augment'

declare module 'handstamp/express/augment' {
  interface SessionData {
    visits: number
  }
}
