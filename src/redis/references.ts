/** Notes of sessions under references in Redis. */
import type { Handle } from '../core/id.ts'
import type { ReferenceKey } from '../core/references.ts'
import type { Note, ReferenceStore } from '../core/store.ts'
import type { Driver } from './driver.ts'
import { referenceIndexKey } from './keys.ts'
import { numberIn, outcomeIn, scoredIn } from './reply.ts'
import { runScript } from './script.ts'
import * as scripts from './scripts.generated.ts'

export class RedisReferences implements ReferenceStore {
  readonly #prefix: string
  readonly #driver: Driver

  constructor(prefix: string, driver: Driver) {
    this.#prefix = prefix
    this.#driver = driver
  }

  async note(reference: ReferenceKey, handle: Handle, now: number, ttl: number): Promise<void> {
    const key = referenceIndexKey(this.#prefix, reference)
    const args = [handle, String(now), String(ttl)]
    outcomeIn(await runScript(this.#driver, scripts.note, [key], args), 'noted')
  }

  async notedAt(reference: ReferenceKey, handle: Handle): Promise<number | undefined> {
    const key = referenceIndexKey(this.#prefix, reference)
    return numberIn(await this.#driver.send(key, false, ['ZSCORE', key, handle])) ?? undefined
  }

  async forget(reference: ReferenceKey, handle: Handle, notedAt?: number): Promise<void> {
    const key = referenceIndexKey(this.#prefix, reference)
    const args = [handle, String(notedAt ?? '')]
    outcomeIn(await runScript(this.#driver, scripts.forget, [key], args), 'forgotten', 'kept')
  }

  async page(
    reference: ReferenceKey,
    first: 'latest' | 'earliest',
    offset: number,
    count: number,
  ): Promise<readonly Note[]> {
    const key = referenceIndexKey(this.#prefix, reference)
    const command = first === 'latest' ? 'ZREVRANGE' : 'ZRANGE'
    const range = [String(offset), String(offset + count - 1)]
    const reply = await this.#driver.send(key, false, [command, key, ...range, 'WITHSCORES'])
    return scoredIn(reply).map(({ member, score }) => ({
      handle: member as Handle,
      notedAt: score,
    }))
  }
}
