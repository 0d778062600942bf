/**
 * Types `req.session` in every Express handler, for apps that want it and have no other package that
 * does the same (two of them clash, TS2717). Import it once and merge your fields into `SessionData`.
 *
 * @example
 * import 'handstamp/express/augment'
 * declare module 'handstamp/express/augment' { interface SessionData { userId: string } }
 */
import type { SessionProperty } from '../core/session.ts'

export interface SessionData {}

declare global {
  namespace Express {
    interface Request extends SessionProperty<SessionData> {
      readonly sessionID: string | undefined
    }
  }
}
