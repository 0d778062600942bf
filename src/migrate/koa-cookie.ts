/** A cookie as Koa sets it: the value in one, the signature of name and value in another. */
import Keygrip from 'keygrip'
import { optionError } from '../core/errors.ts'
import type { FormerStamp } from '../core/former.ts'
import type { RequestHead } from '../core/transport.ts'
import { cookieValues } from '../http/cookie-values.ts'

/** What `app.keys` was: a list of secrets, or a Keygrip. */
export type KoaKeys = readonly string[] | { verify(data: string, digest: string): boolean }

/** Reads the cookie of that name; without keys it was not signed. Throws ERR_OPTION. */
export function koaCookie(
  source: string,
  name: string,
  keys: KoaKeys | false | undefined,
): (request: RequestHead) => FormerStamp | undefined {
  if (keys === undefined) {
    throw optionError(
      `${source} needs the keys that app.keys held, or keys: false where the cookie was not signed.`,
    )
  }
  const ring = Array.isArray(keys)
    ? ringOf(source, keys as string[])
    : (keys as Exclude<typeof keys, readonly string[]>)
  const secret = Array.isArray(keys) ? String(keys[0]) : ''
  return (request) => {
    const header = request.header('cookie')
    if (header === undefined) return undefined
    const values = cookieValues(header, name)
    if (!ring) return values[0] ? { id: values[0], secret } : undefined
    const signatures = cookieValues(header, `${name}.sig`)
    const id = values.find((value) =>
      signatures.some((signature) => ring.verify(`${name}=${value}`, signature)),
    )
    return id ? { id, secret } : undefined
  }
}

function ringOf(source: string, keys: readonly string[]): Keygrip {
  if (keys.length > 0 && keys.every((key) => typeof key === 'string' && key !== '')) {
    return new Keygrip([...keys])
  }
  throw optionError(`${source}: keys must hold at least one secret, as app.keys did.`)
}
