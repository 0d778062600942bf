/** Commands to Redis: none waits for ever, and no error carries what was sent. */
import { HandstampError } from '../../core/errors.ts'
import { driverOf } from '../../redis/driver.ts'
import type { Driver, RedisClient } from '../../redis/driver.ts'
import { runScript } from '../../redis/script.ts'
import type { Script } from '../../redis/script.ts'

/** About as long as ioredis by itself tries again; other clients, and other settings of it, would wait for ever. */
const LIMIT = 10_000

export class Commands {
  readonly #driver: Driver

  /** Throws ERR_OPTION for what is no client. */
  constructor(client: RedisClient) {
    this.#driver = driverOf(client, true)
  }

  /** Rejects with ERR_STORE, ERR_STORE_TIMEOUT. */
  send(command: string, key: string, ...args: string[]): Promise<unknown> {
    return answered(this.#driver.send(key, false, [command, key, ...args]))
  }

  /** Rejects with ERR_STORE, ERR_STORE_TIMEOUT. */
  run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    return answered(runScript(this.#driver, script, [key], args))
  }
}

function answered(reply: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timeoutError()), LIMIT)
    reply
      .then(resolve, (cause: unknown) => reject(storeError(cause)))
      .finally(() => clearTimeout(timer))
  })
}

function timeoutError(): HandstampError {
  return new HandstampError(
    'ERR_STORE_TIMEOUT',
    `Redis did not answer within ${LIMIT} ms. Whether a write took effect is unknown. ` +
      'Look at the state of Redis and of the connection.',
  )
}

function storeError(cause: unknown): HandstampError {
  if (cause instanceof HandstampError) return cause
  return new HandstampError('ERR_STORE', 'Redis failed; `cause` says how.', { cause })
}
