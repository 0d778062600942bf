/** The client of redis-sessions: the one given, or one of whichever package is installed. */
import { HandstampError, optionError } from '../../core/errors.ts'
import { driverOf } from '../../redis/driver.ts'
import type { Driver, RedisClient } from '../../redis/driver.ts'
import { runScript } from '../../redis/script.ts'
import type { Script } from '../../redis/script.ts'
import { loadPeer } from '../peer.ts'

/** Settings of a client: node_redis 2 and 3, node-redis 4 and later, and ioredis call some of them differently. */
export interface ClientOptions {
  /** `redis://` or `rediss://`; then host and port do not count. */
  readonly url?: string
  readonly host?: string
  readonly port?: number
  /** A Unix socket. */
  readonly path?: string
  readonly socket?: Readonly<Record<string, unknown>>
  readonly username?: string
  readonly user?: string
  readonly password?: string
  readonly auth_pass?: string
  readonly pass?: string
  readonly db?: number
  readonly database?: number
  readonly tls?: unknown
  readonly family?: unknown
  /** Milliseconds. */
  readonly connect_timeout?: number
  /** Stands before every key, also before those of the namespace. */
  readonly prefix?: string
  readonly [option: string]: unknown
}

export interface Target {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly options?: ClientOptions | undefined
}

type Emitter = { on?(event: string, listener: (error?: unknown) => void): unknown }
type OwnClient = RedisClient & Emitter
type Settings = Record<string, unknown>

/**
 * A client that connects by itself, and goes on trying. Throws ERR_OPTION where no package for it is
 * installed. `load` is there for tests.
 */
export function openClient(target: Target, load: typeof loadPeer = loadPeer): OwnClient {
  const openers = { ioredis: openIoredis, redis: openNodeRedis, iovalkey: openIoredis }
  let isTooOld = false
  for (const [name, open] of Object.entries(openers)) {
    let peer: unknown
    try {
      peer = load(name, 'redis-sessions without the option client')
    } catch (error) {
      if (error instanceof HandstampError) continue
      throw error
    }
    // node_redis 2 and 3 have no Cluster. Asked here, since a client that was made goes on to connect.
    if (name === 'redis' && !('createCluster' in (peer as object))) isTooOld = true
    else return open(peer, settingsOf(target))
  }
  if (isTooOld) {
    throw optionError(
      'redis-sessions needs redis 5 or later, and an older one is installed: `npm install redis@latest` (or ioredis, or iovalkey), or give it the option client.',
    )
  }
  throw optionError(
    'redis-sessions needs a Redis client: install one with `npm install ioredis` (or redis, or iovalkey), or give it the option client.',
  )
}

interface Place {
  readonly url: string | undefined
  readonly socket: Settings
  readonly login: { username?: string; password?: string }
  readonly db: number | undefined
  readonly rest: Settings
}

function settingsOf({ host, port, options = {} }: Target): Place {
  const { url, socket, username, user, password, auth_pass, pass, db, database, ...others } =
    options
  const { host: ownHost, port: ownPort, path, tls, family, prefix: _, ...more } = others
  const { connect_timeout: connectTimeout, ...rest } = more
  const place = without({
    host: host ?? ownHost ?? '127.0.0.1',
    port: port ?? ownPort ?? 6379,
    path,
    tls,
    family,
    connectTimeout,
  })
  // Host and port of the constructor come before those of a socket, their defaults do not.
  const named = without({ host, port })
  return {
    url,
    socket: url === undefined ? { ...place, ...socket, ...named } : {},
    login: without({ username: username ?? user, password: password ?? auth_pass ?? pass }),
    db: db ?? database,
    rest,
  }
}

/** Answers soon or not at all: a request is not to wait through the client's own rounds of retries. */
const IOREDIS = { maxRetriesPerRequest: 1, enableAutoPipelining: true }

type Ioredis = { Redis: new (...args: unknown[]) => OwnClient }

function openIoredis(peer: unknown, { url, socket, login, db, rest }: Place): OwnClient {
  const { Redis } = peer as Ioredis
  const options = { ...IOREDIS, ...rest, ...socket, ...login, ...without({ db }) }
  return url === undefined ? new Redis(options) : new Redis(url, options)
}

type NodeRedis = { createClient(options: Settings): OwnClient & { connect(): Promise<unknown> } }

function openNodeRedis(peer: unknown, { url, socket, login, db, rest }: Place): OwnClient {
  const { createClient } = peer as NodeRedis
  const options = { ...rest, ...login, ...without({ url, database: db }) }
  const client = createClient(url === undefined ? { ...options, socket } : options)
  // Without a listener an error ends the process.
  client.on?.('error', () => undefined)
  client.connect().catch(() => undefined)
  return client
}

/** Whether the client is connected; calls back whenever that changes, and with each error. */
export function watch(
  client: RedisClient,
  changed: (isUp: boolean) => void,
  failed: (error: unknown) => void,
): boolean {
  const { status, isReady, isOpen } = client as {
    status?: string
    isReady?: boolean
    isOpen?: boolean
  }
  const isConnected = status === 'ready' || (isReady ?? isOpen) === true
  // At first unknown: a connection that fails from the start is told, too.
  let isUp: boolean | undefined = isConnected || undefined
  const set = (next: boolean): void => {
    if (next !== isUp) changed((isUp = next))
  }
  const on = (event: string, listener: (error?: unknown) => void): unknown =>
    (client as Emitter).on?.(event, listener)
  for (const event of ['connect', 'ready']) on(event, () => set(true))
  for (const event of ['close', 'end', 'reconnecting']) on(event, () => set(false))
  on('error', (error) => {
    set(false)
    failed(error)
  })
  return isConnected
}

/** Commands of clients may wait for a connection for ever; callers do not. */
const PATIENCE = 5_000

/** Rejects with ERR_STORE, ERR_STORE_TIMEOUT; what the client says of a failure is its cause. */
export class Commands {
  readonly driver: Driver

  constructor(client: RedisClient) {
    this.driver = driverOf(client, true)
  }

  send(key: string, ...command: [string, ...string[]]): Promise<unknown> {
    return inTime(this.driver.send(key, false, command))
  }

  run(script: Script, key: string, args: readonly (string | number)[]): Promise<unknown> {
    return inTime(runScript(this.driver, script, [key], args.map(String)))
  }
}

function inTime(reply: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new HandstampError('ERR_STORE_TIMEOUT', 'Redis has not answered in time.'))
    }, PATIENCE)
    reply.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (cause: unknown) => {
        clearTimeout(timer)
        const isOurs = cause instanceof HandstampError
        reject(isOurs ? cause : new HandstampError('ERR_STORE', 'Redis did not do it.', { cause }))
      },
    )
  })
}

/** Says goodbye, or hangs up where nobody answers. */
export async function closeClient(client: RedisClient): Promise<void> {
  const { quit, close, disconnect, destroy, isOpen } = client as unknown as Partial<
    Record<'quit' | 'close' | 'disconnect' | 'destroy', () => unknown>
  > & { readonly isOpen?: boolean }
  if (isOpen === false) return
  try {
    await inTime(Promise.resolve((isOpen === undefined ? quit : close)?.call(client)))
  } catch {
    await (isOpen === undefined ? disconnect : destroy)?.call(client)
  }
}

function without<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(given) as { [K in keyof T]?: NonNullable<T[K]> }
}
