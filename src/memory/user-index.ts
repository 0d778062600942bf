/** Which sessions a user has, and when each ends: the index in the memory of one process. */
import type { Handle } from '../core/id.ts'
import type { UserKey } from '../core/user.ts'

export class UserIndex {
  readonly #users = new Map<UserKey, Map<Handle, number>>()

  note(owner: UserKey | undefined, handle: Handle, endsAt: number): void {
    if (!owner) return
    const sessions = this.#users.get(owner) ?? new Map<Handle, number>()
    this.#users.set(owner, sessions.set(handle, endsAt))
  }

  remove(owner: UserKey | undefined, handle: Handle): void {
    const sessions = owner && this.#users.get(owner)
    sessions?.delete(handle)
    if (owner && sessions?.size === 0) this.#users.delete(owner)
  }

  /** The sessions that have not expired, those that end last first; the others are forgotten. */
  live(owner: UserKey, now: number): Handle[] {
    const entries = [...(this.#users.get(owner) ?? [])]
    for (const [handle, endsAt] of entries) if (endsAt <= now) this.remove(owner, handle)
    return entries
      .filter(([, endsAt]) => endsAt > now)
      .toSorted(([, a], [, b]) => b - a)
      .map(([handle]) => handle)
  }

  clear(): void {
    this.#users.clear()
  }
}
