/** The sessions of users in Redis: an index per user, in the slot of the user's sessions. */
import { tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import type {
  Admission,
  AdmitOutcome,
  Ended,
  Ending,
  IndexEntry,
  IndexPage,
  ListedPage,
  UserStore,
} from '../core/store.ts'
import type { UserKey } from '../core/user.ts'
import type { Driver } from './driver.ts'
import { admissionKeys, barKey, indexKey, memberOf } from './keys.ts'
import type { Replication } from './replication.ts'
import { countedIn, countsIn, outcomeIn } from './reply.ts'
import { runScript } from './script.ts'
import * as scripts from './scripts.generated.ts'

/** These keep each command far below 2 ms of Redis' time. */
const BATCH = 200
const STRETCH = 100

export class RedisUsers implements UserStore {
  readonly #prefix: string
  readonly #driver: Driver
  readonly #replication: Replication

  constructor(prefix: string, driver: Driver, replication: Replication) {
    this.#prefix = prefix
    this.#driver = driver
    this.#replication = replication
  }

  async admit(handle: Handle, admission: Admission): Promise<AdmitOutcome> {
    const { owner, document, ttl, now, limit, before } = admission
    const isHere = before && tagOf(before.handle) === tagOf(owner)
    const tombstone = [isHere ? before.tombstone.document : '', String(before?.tombstone.ttl ?? '')]
    const most = [String(limit?.most ?? 0), limit?.beyond ?? '']
    const args = [document, String(ttl), String(now), ...most, ...tombstone]
    const keys = admissionKeys(this.#prefix, handle, admission)
    const reply = await runScript(this.#driver, scripts.admit, keys, args)
    const kinds = ['admitted', 'rejected', 'gone', 'taken'] as const
    const [kind, replaced, ...members] = outcomeIn(reply, ...kinds)
    if (kind !== 'admitted') return { kind }
    const evicted = handlesOf(owner, members)
    return isHere ? { kind, evicted, replaced } : { kind, evicted }
  }

  async bar(owner: UserKey, ttl: number): Promise<void> {
    const key = barKey(this.#prefix, owner)
    outcomeIn(await this.#driver.send(key, false, ['SET', key, '1', 'PX', String(ttl)]), 'OK')
  }

  async list(owner: UserKey, { now, offset, count }: IndexPage): Promise<ListedPage> {
    const key = indexKey(this.#prefix, owner)
    const entries: IndexEntry[] = []
    // One after the other: entries that a stretch removes move the next one up.
    for (let left = count; left > 0;) {
      const most = Math.min(left, STRETCH)
      const args = [String(now), String(offset + entries.length), String(most)]
      const reply = await runScript(this.#driver, scripts.list, [key], args)
      const [read, ...pairs] = countedIn(reply)
      for (let at = 0; at < pairs.length; at += 2) {
        const [handle] = handlesOf(owner, pairs.slice(at, at + 1)) as [Handle]
        entries.push({ handle, metaLine: pairs[at + 1] ?? '' })
      }
      if (read < most) return { entries, isFull: false }
      left -= read
    }
    return { entries, isFull: true }
  }

  async count(owner: UserKey, now: number): Promise<number> {
    const key = indexKey(this.#prefix, owner)
    for (;;) {
      const args = [String(now), String(BATCH)]
      const reply = await runScript(this.#driver, scripts.count, [key], args)
      const [live, removed] = countsIn(reply)
      if (removed < BATCH) return live
    }
  }

  async end(owner: UserKey, ending: Ending): Promise<Ended> {
    const key = indexKey(this.#prefix, owner)
    const args =
      'only' in ending
        ? ['only', memberOf(ending.only), JSON.stringify(ending.userId)]
        : ['except', ending.except ? memberOf(ending.except) : '', String(ending.most)]
    const reply = await runScript(this.#driver, scripts.revoke, [key], args)
    const [size, ...members] = countedIn(reply)
    const isLast = 'only' in ending || size < ending.most
    return { handles: handlesOf(owner, members), isLast }
  }

  confirm(ended: readonly Handle[]): Promise<boolean | undefined> {
    return this.#replication.confirm(ended)
  }
}

function handlesOf(owner: UserKey, members: readonly string[]): Handle[] {
  return members.map((member) => (tagOf(owner) + member) as Handle)
}
