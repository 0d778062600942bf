/** How the session id travels: in a cookie of Koa. */
import { HandstampError, headSentError } from '../../core/errors.ts'
import type { KoaContext } from './context.ts'
import type { Session, SessionCookie } from './session.ts'

/** Another way than the cookie. Each method has the context as `this`. */
export interface SessionIdStore {
  get(this: KoaContext): string | null | undefined | Promise<string | null | undefined>
  set(this: KoaContext, sid: string, session: Session): unknown
  /** `cookie`: the options that the client's cookie was last set with. */
  reset(this: KoaContext, cookie: SessionCookie): unknown
}

export interface IdStore extends SessionIdStore {
  /** Throws where `set` could not do its work, before anything is stored that nobody could come back to. */
  assertSendable?(ctx: KoaContext, cookie: SessionCookie, isNew: boolean): void
}

export function cookieIds(key: string, options: SessionCookie): IdStore {
  return {
    get() {
      return this.cookies.get(key, options as { signed?: boolean })
    },
    set(sid, { cookie }) {
      if (!this.headerSent) this.cookies.set(key, sid, attributes(cookie))
    },
    reset(cookie) {
      if (this.headerSent) return
      // A deletion is no secret: it goes out as well as it can.
      const signed = (cookie.signed ?? true) && canSign(this)
      const secure = Boolean(cookie.secure) && isSecure(this)
      this.cookies.set(key, null, { ...attributes(cookie), signed, secure })
    },
    assertSendable(ctx, cookie, isNew) {
      if (ctx.headerSent) {
        // The client has the id of a stored session already.
        if (isNew) throw headSentError()
        return
      }
      if (cookie.signed && !canSign(ctx))
        throw unsendable('it is to be signed: set app.keys, or cookie.signed to false')
      if (cookie.secure && !isSecure(ctx))
        throw unsendable(
          'it is secure, and the request came over http: use https, set app.proxy behind a proxy, or cookie.secure to false',
        )
    },
  }
}

/** `cookies` would take a name or a value among the options for the cookie's own. */
function attributes(cookie: SessionCookie): object {
  const { name: _, value: __, ...options } = cookie
  return options
}

function canSign({ cookies, app }: KoaContext): boolean {
  return Boolean(cookies.keys ?? app.keys)
}

function isSecure({ cookies, secure }: KoaContext): boolean {
  return cookies.secure ?? secure
}

function unsendable(reason: string): HandstampError {
  const message = `The session was not saved, as its cookie cannot be sent: ${reason}.`
  return new HandstampError('ERR_OPTION', message)
}
