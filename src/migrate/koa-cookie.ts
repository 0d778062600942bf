/** A cookie as Koa sets it: the value in one, the signature of name and value in another. */
import Keygrip from 'keygrip'
import { optionError } from '../core/errors.ts'
import type { FormerStamp } from '../core/former.ts'
import type { RequestHead } from '../core/transport.ts'
import { cookieValues } from '../http/cookie-values.ts'

/** What `app.keys` was: a list of secrets, or a Keygrip. */
export type KoaKeys =
  | readonly string[]
  | { sign(data: string): string; verify(data: string, digest: string): boolean }

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
  const rings = keys === false ? [] : 'verify' in keys ? [keys] : ringsOf(source, keys)
  // The id of the new session follows from it: nobody who reads Redis may be able to compute that.
  const secrets = rings.map((ring) => ring.sign('handstamp migrate'))
  return (request) => {
    const header = request.header('cookie')
    if (header === undefined) return undefined
    const values = cookieValues(header, name, false)
    if (keys === false) return values[0] ? { id: values[0], secrets } : undefined
    const signatures = cookieValues(header, `${name}.sig`, false)
    const id = values.find((value) =>
      signatures.some((signature) =>
        rings.some((ring) => ring.verify(`${name}=${value}`, signature)),
      ),
    )
    return id ? { id, secrets } : undefined
  }
}

/** One for each secret: which of them signed does not matter, but each names new ids of its own. */
function ringsOf(source: string, keys: readonly string[]): Keygrip[] {
  if (keys.length > 0 && keys.every((key) => typeof key === 'string' && key !== '')) {
    return keys.map((key) => new Keygrip([key]))
  }
  throw optionError(`${source}: keys must hold at least one secret, as app.keys did.`)
}
