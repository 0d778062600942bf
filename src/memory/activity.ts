/** Who was seen lately, in the memory of one process. */
import type { Active, ActivityStore, Departure, Sighting } from '../core/activity-store.ts'
import type { Handle } from '../core/id.ts'
import type { UserKey } from '../core/user.ts'

/** When each was seen; the one seen last stands at the end. */
type Times<Name> = Map<Name, number>

interface Namespace {
  readonly sessions: Times<Handle>
  readonly users: Times<UserKey>
}

export class MemoryActivity implements ActivityStore {
  readonly #namespaces = new Map<string, Namespace>()
  readonly #most: number

  /** `most`: how many sessions and users are known per namespace; beyond it the one seen first goes. */
  constructor(most: number) {
    this.#most = most
  }

  async note({ handle, owner, namespace, seenAt, keep }: Sighting): Promise<void> {
    const { sessions, users } =
      this.#namespaces.get(namespace) ?? this.#begin(namespace, seenAt - keep)
    see(sessions, handle, seenAt)
    trim(sessions, seenAt - keep, this.#most)
    if (owner) see(users, owner, seenAt)
    trim(users, seenAt - keep, this.#most)
  }

  async forget(handles: readonly Handle[], departure?: Departure): Promise<void> {
    for (const { sessions, users } of this.#namespaces.values()) {
      for (const handle of handles) sessions.delete(handle)
      if (departure && (users.get(departure.owner) ?? Infinity) <= departure.seenBy) {
        users.delete(departure.owner)
      }
    }
  }

  async since(namespace: string, since: number, most: number): Promise<Active> {
    const { sessions = new Map<Handle, number>(), users = new Map<UserKey, number>() } =
      this.#namespaces.get(namespace) ?? {}
    const active = [...sessions].filter(([, seenAt]) => seenAt >= since)
    return {
      sessions: active.length,
      users: [...users.values()].filter((seenAt) => seenAt >= since).length,
      recent: active
        .toSorted(([, a], [, b]) => b - a)
        .slice(0, most)
        .map(([handle]) => handle),
    }
  }

  clear(): void {
    this.#namespaces.clear()
  }

  /** A namespace that nothing is noted in any more goes when another one begins. */
  #begin(name: string, oldest: number): Namespace {
    for (const [other, { sessions }] of this.#namespaces) {
      trim(sessions, oldest, this.#most)
      if (sessions.size === 0) this.#namespaces.delete(other)
    }
    const namespace: Namespace = { sessions: new Map(), users: new Map() }
    this.#namespaces.set(name, namespace)
    return namespace
  }
}

function see<Name>(times: Times<Name>, name: Name, seenAt: number): void {
  const before = times.get(name) ?? seenAt
  times.delete(name)
  times.set(name, Math.max(before, seenAt))
}

function trim<Name>(times: Times<Name>, oldest: number, most: number): void {
  for (const [name, seenAt] of times) {
    if (seenAt >= oldest && times.size <= most) return
    times.delete(name)
  }
}
