/**
 * The store of the original by its documentation, since the package is in no registry: the same keys, and
 * the commands that it is known to send, each group in one MULTI. What it does wrong is done wrong here.
 */
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'

export type Value = string | number | boolean

const MAX_AGE = 28 * 86_400_000

export class DocumentedStore {
  readonly #client: Redis
  readonly #prefix: string
  readonly #references: readonly string[]

  constructor(client: Redis, prefix: string, references: readonly string[] = []) {
    this.#client = client
    this.#prefix = prefix
    this.#references = references
  }

  createSessionId(): string {
    return randomBytes(18).toString('base64')
  }

  getSessionKey(id: string): string {
    return `${this.#prefix}:{${id}}`
  }

  getReferenceKey(field: string, value: unknown): string {
    return `${this.#prefix}:${field}:{${String(value)}}`
  }

  get(id: string): Promise<Record<string, string>> {
    return this.#client.hgetall(this.getSessionKey(id))
  }

  async set(id: string, values: Record<string, Value>, maxAge = MAX_AGE): Promise<unknown> {
    const key = this.getSessionKey(id)
    const transaction = this.#client.multi()
    transaction.hmset(key, 'id', id, ...Object.entries(values).flat().map(String))
    transaction.pexpire(key, maxAge)
    for (const [field, value] of Object.entries(values)) {
      if (this.#references.includes(field)) transaction.sadd(this.getReferenceKey(field, value), id)
    }
    return transaction.exec()
  }

  async unset(id: string, fields: readonly string[]): Promise<unknown> {
    const key = this.getSessionKey(id)
    const referenced = fields.filter((field) => this.#references.includes(field))
    const values = referenced.length > 0 ? await this.#client.hmget(key, ...referenced) : []
    const transaction = this.#client.multi([
      ['hdel', key, ...fields],
      ['pexpire', key, String(MAX_AGE)],
    ])
    for (const [at, field] of referenced.entries())
      transaction.srem(this.getReferenceKey(field, values[at]), id)
    return transaction.exec()
  }

  touch(id: string, maxAge = MAX_AGE): Promise<number> {
    return this.#client.pexpire(this.getSessionKey(id), maxAge)
  }

  /** Takes the values of the referenced fields for pairs of a name and a value. */
  async delete(id: string): Promise<unknown> {
    const key = this.getSessionKey(id)
    const values =
      this.#references.length > 0 ? await this.#client.hmget(key, ...this.#references) : []
    const transaction = this.#client.multi().del(key)
    for (let at = 0; at < values.length; at += 2)
      transaction.srem(this.getReferenceKey(String(values[at]), values[at + 1]), id)
    return transaction.exec()
  }
}
