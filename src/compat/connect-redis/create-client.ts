/** Makes a client from `url`, `socket`, `host`, `port`, `pass` and `db`, as major 3 of connect-redis did. */
import { HandstampError, optionError } from '../../core/errors.ts'
import { loadPeer } from '../peer.ts'
import type { RedisStoreOptions } from './options.ts'

interface Ioredis {
  Redis: new (...args: unknown[]) => object
}

/** node_redis 2 and 3: it connects by itself, and has no `connect`. */
interface CallbackRedis {
  createClient(options: object): { on(event: 'error', listener: () => void): unknown }
}

interface NodeRedis {
  createClient(options: object): { connect(): Promise<unknown> }
}

/**
 * By the first of ioredis, redis and iovalkey that is installed; throws ERR_OPTION where none is.
 * `load` is there for tests.
 */
export function createClient(
  options: RedisStoreOptions<never>,
  load: typeof loadPeer = loadPeer,
): object {
  for (const [name, open] of [
    ['ioredis', overIoredis],
    ['redis', overNodeRedis],
    ['iovalkey', overIoredis],
  ] as const) {
    try {
      return open(load(name, 'The session store'), options)
    } catch (error) {
      if (!(error instanceof HandstampError)) throw error
    }
  }
  throw optionError(
    'RedisStore without a client needs a package to make one with: `npm install ioredis` (or redis, or iovalkey).',
  )
}

/** What is the store's own, so that the rest is the client's. */
function split(options: RedisStoreOptions<never>) {
  const { url, socket, host, port, pass, db, ...others } = options
  const own = 'client prefix ttl disableTTL disableTouch serializer scanCount logErrors unref'
  const rest = Object.entries(others).filter(([name]) => !own.split(' ').includes(name))
  return { address: url ?? socket, host, port, pass, db, rest: Object.fromEntries(rest) }
}

function overIoredis(peer: unknown, options: RedisStoreOptions<never>): object {
  const { Redis } = peer as Ioredis
  const { address, host, port, pass, db, rest } = split(options)
  const settings = { ...rest, ...given({ host, port, password: pass, db }) }
  return address === undefined ? new Redis(settings) : new Redis(address, settings)
}

function overNodeRedis(peer: unknown, options: RedisStoreOptions<never>): object {
  // Before 4 there was no Cluster. Asked here, since a client that was made goes on to connect.
  if (!('createCluster' in (peer as object)))
    return overCallbackRedis(peer as CallbackRedis, options)
  const { address, host, port, pass, db, rest } = split(options)
  const isPath = address?.startsWith('/')
  const client = (peer as NodeRedis).createClient({
    ...rest,
    ...given({ password: pass, database: db }),
    ...(address === undefined || isPath
      ? { socket: given({ path: address, host, port: port && Number(port) }) }
      : { url: address }),
  })
  // Goes on trying in the background; until then commands wait for their deadline.
  client.connect().catch(() => undefined)
  return client
}

function overCallbackRedis(peer: CallbackRedis, options: RedisStoreOptions<never>): object {
  const { address, host, port, pass, db, rest } = split(options)
  const place = address?.startsWith('/') ? { path: address } : { url: address, host, port }
  const client = peer.createClient({ ...rest, ...given({ ...place, password: pass, db }) })
  // Without a listener an error ends the process.
  client.on('error', () => undefined)
  return client
}

/** Without what is undefined: clients take that for a value. */
function given(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
