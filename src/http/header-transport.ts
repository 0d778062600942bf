/** The id travels in a header of its own, for clients without cookies (apps, command lines, other servers). */
import { optionError } from '../core/errors.ts'
import { NO_CLAIM } from '../core/transport.ts'
import type { Transport } from '../core/transport.ts'
import { keyRing, plainSeal } from './signature.ts'

export interface HeaderTransportOptions {
  /** The response header with a new id, and the request header unless `bearer`. Default `x-session-id`. */
  readonly name?: string
  /** The request brings the id as `Authorization: Bearer <id>`. Default false. */
  readonly bearer?: boolean
  /** Signs ids, as for cookies. */
  readonly secret?: string | readonly string[]
}

/**
 * A response that creates or changes the session carries the id in the header; one that ends it
 * carries the header empty. Browsers should use cookies: scripts can read this.
 *
 * @example
 * createSessions({ transport: headerTransport({ bearer: true }) })
 */
export function headerTransport(options: HeaderTransportOptions = {}): Transport {
  if (typeof options !== 'object' || options === null)
    throw optionError('headerTransport takes an object with options.')
  const { name = 'x-session-id', bearer = false, secret, ...unknown } = options
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,64}$/i.test(name))
    throw optionError('headerTransport needs a header name such as x-session-id.')
  if (typeof bearer !== 'boolean')
    throw optionError('bearer of headerTransport must be true or false.')
  const [strange] = Object.keys(unknown)
  if (strange !== undefined)
    throw optionError(`headerTransport has no option '${strange}'; it takes name, bearer, secret.`)
  const seal = secret === undefined ? plainSeal : keyRing(secret, `header ${name.toLowerCase()}`)
  return {
    covers: () => true,
    read: (request) => {
      const header = request.header(bearer ? 'authorization' : name.toLowerCase())
      const text = bearer ? /^Bearer +([^ ]+) *$/i.exec(header ?? '')?.[1] : header
      if (text === undefined || text === '') return NO_CLAIM
      const opened = seal.open(text)
      return 'id' in opened ? { ids: [opened.id] } : { ids: [], rejected: opened.rejected }
    },
    write: (_request, instruction) => [
      [name, instruction.kind === 'set' ? seal.seal(instruction.id) : ''],
      ['Cache-Control', 'no-store'],
    ],
  }
}
