/** What becomes of the client's connection: told as events of the store, logged, and let go of. */
import { EventEmitter } from 'node:events'
import { HandstampError } from '../../core/errors.ts'
import type { RedisStoreOptions } from './options.ts'

type On = (event: string, listener: (error?: unknown) => void) => unknown

/** The clients agree on `ready`, and tell of a loss by one or the other of these. */
const LOSSES = ['error', 'close', 'end', 'reconnecting']

/** Emits `disconnect` once when Redis is lost, whatever the client says after that, and `connect` when it is back. */
export function watchConnection(
  client: object,
  store: EventEmitter,
  { logErrors, unref }: Pick<RedisStoreOptions, 'logErrors' | 'unref'>,
): void {
  const { on } = client as { on?: On }
  // legacy() of node-redis has no events.
  if (typeof on !== 'function') return
  let isUp: boolean | undefined
  const heard = heardOf(client, on)
  heard.on('ready', () => {
    if (isUp !== true) store.emit('connect')
    isUp = true
  })
  for (const event of LOSSES)
    heard.on(event, (error) => {
      if (isUp !== false) store.emit('disconnect', error instanceof Error ? error : lostError())
      isUp = false
    })
  if (logErrors) heard.on('error', typeof logErrors === 'function' ? logErrors : log)
  if (unref) release(client, heard)
}

const heardByClient = new WeakMap<object, EventEmitter>()

/** What a client tells, to all its stores: Node.js warns of more than ten listeners of one event. */
function heardOf(client: object, on: On): EventEmitter {
  const known = heardByClient.get(client)
  if (known) return known
  const heard = new EventEmitter().setMaxListeners(0)
  for (const event of ['ready', ...LOSSES])
    on.call(client, event, (error) => heard.emit(event, error))
  heardByClient.set(client, heard)
  return heard
}

/** ioredis and iovalkey have no `unref`, but show their stream; each connection is let go of anew. */
function release(
  client: { unref?: () => void; stream?: { unref?: () => void } },
  heard: EventEmitter,
): void {
  const letGo = (): void => (client.unref ? client.unref() : client.stream?.unref?.())
  letGo()
  heard.on('ready', letGo)
}

function log(error: unknown): void {
  console.error(
    `Warning: the Redis client of the session store reported an error: ${String(error)}`,
  )
}

function lostError(): HandstampError {
  return new HandstampError('ERR_STORE', 'The session store has lost its connection to Redis.')
}
