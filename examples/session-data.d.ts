/** Types `req.session` in express.js, as an Express application in TypeScript would. */
export type { SessionData } from 'handstamp/express/augment'

declare module 'handstamp/express/augment' {
  interface SessionData {
    visits: number
  }
}
