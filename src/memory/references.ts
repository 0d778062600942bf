/** Which sessions a reference names, in the memory of one process. */
import type { Handle } from '../core/id.ts'
import type { ReferenceKey } from '../core/references.ts'
import type { Note, ReferenceStore } from '../core/store.ts'

export class MemoryReferences implements ReferenceStore {
  readonly #references = new Map<ReferenceKey, Map<Handle, number>>()

  async note(reference: ReferenceKey, handle: Handle, now: number): Promise<void> {
    const notes = this.#references.get(reference) ?? new Map<Handle, number>()
    const notedAt = Math.max(now, (notes.get(handle) ?? 0) + 1)
    this.#references.set(reference, notes.set(handle, notedAt))
  }

  async notedAt(reference: ReferenceKey, handle: Handle): Promise<number | undefined> {
    return this.#references.get(reference)?.get(handle)
  }

  async forget(reference: ReferenceKey, handle: Handle, notedAt?: number): Promise<void> {
    const notes = this.#references.get(reference)
    if (notedAt === undefined || notes?.get(handle) === notedAt) notes?.delete(handle)
    if (notes?.size === 0) this.#references.delete(reference)
  }

  async page(
    reference: ReferenceKey,
    first: 'latest' | 'earliest',
    offset: number,
    count: number,
  ): Promise<readonly Note[]> {
    const sign = first === 'latest' ? -1 : 1
    return [...(this.#references.get(reference) ?? [])]
      .map(([handle, notedAt]) => ({ handle, notedAt }))
      .toSorted((a, b) => sign * (a.notedAt - b.notedAt))
      .slice(offset, offset + count)
  }

  clear(): void {
    this.#references.clear()
  }
}
