/** What a session object and its cookie options are, and how they are written. */

/** Options of the module `cookies`, kept with each session; those not named here pass through. */
export interface SessionCookie {
  /** Milliseconds from now; null for a cookie that ends with the browser. Default one day. */
  maxAge?: number | null | undefined
  /** Another name of `maxAge`. */
  maxage?: number | null | undefined
  /** When the cookie and the stored session end; wins over `maxAge`. */
  expires?: Date | undefined
  /** Default `/`. */
  path?: string | undefined
  domain?: string | undefined
  /** Default false. True needs a request that came over https. */
  secure?: boolean | undefined
  /** Default true. */
  httpOnly?: boolean | undefined
  sameSite?: 'strict' | 'lax' | 'none' | boolean | undefined
  /** Default true: needs `app.keys`. */
  signed?: boolean | undefined
  /** Default true. */
  overwrite?: boolean | undefined
  [option: string]: unknown
}

/** The application's data, and the cookie options of this session, which may be changed. */
export type Session<Data extends object = Record<string, unknown>> = Partial<Data> & {
  cookie: SessionCookie
}

const DEFAULTS: SessionCookie = {
  httpOnly: true,
  path: '/',
  overwrite: true,
  signed: true,
  maxAge: 24 * 60 * 60 * 1000,
}

/** What is given, and the default for what is not. */
export function cookieOptions(given: SessionCookie = {}): SessionCookie {
  const cookie = { ...given }
  for (const [option, value] of Object.entries(DEFAULTS))
    if (cookie[option] === undefined) cookie[option] = value
  return renameMaxage(cookie)
}

/** Changes the object itself, which belongs to a session. */
export function renameMaxage(cookie: SessionCookie): SessionCookie {
  if (cookie.maxage) cookie.maxAge = cookie.maxage
  delete cookie.maxage
  return cookie
}

/** The text by which a change is told. */
export function encode(session: Session): string {
  return JSON.stringify(session)
}
