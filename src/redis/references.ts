/** Notes of sessions under references in Redis. */
import type { Handle } from '../core/id.ts'
import type { ReferenceKey } from '../core/references.ts'
import type { Note, ReferenceStore } from '../core/store.ts'
import type { Driver } from './driver.ts'
import { referenceIndexKey } from './keys.ts'
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
    await runScript(this.#driver, scripts.note, [key], [handle, String(now), String(ttl)])
  }

  async notedAt(reference: ReferenceKey, handle: Handle): Promise<number | undefined> {
    const key = referenceIndexKey(this.#prefix, reference)
    const score = await this.#driver.send(key, false, ['ZSCORE', key, handle])
    return score === null ? undefined : Number(score)
  }

  async forget(reference: ReferenceKey, handle: Handle, notedAt?: number): Promise<void> {
    const key = referenceIndexKey(this.#prefix, reference)
    await runScript(this.#driver, scripts.forget, [key], [handle, String(notedAt ?? '')])
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
    // RESP3 pairs each member with its score, RESP2 lists them in turn.
    const flat = (reply as (string | number | [string, number])[]).flat()
    return flat.flatMap((entry, at) =>
      at % 2 === 0 ? [{ handle: entry as Handle, notedAt: Number(flat[at + 1]) }] : [],
    )
  }
}
