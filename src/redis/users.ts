/** The sessions of users in Redis: an index per user, in the slot of the user's sessions. */
import { tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import type {
  Admission,
  AdmitOutcome,
  Ended,
  Ending,
  IndexPage,
  ListedPage,
  UserStore,
} from '../core/store.ts'
import type { UserKey } from '../core/user.ts'
import type { Driver } from './driver.ts'
import { admissionKeys, indexKey, memberOf } from './keys.ts'
import { runScript } from './script.ts'
import * as scripts from './scripts.generated.ts'

/** How long a revocation waits for a replica, milliseconds. */
const CONFIRM = 50
/** Keeps each command on an index far below 2 ms of Redis' time. */
const BATCH = 500

export class RedisUsers implements UserStore {
  readonly #prefix: string
  readonly #driver: Driver

  constructor(prefix: string, driver: Driver) {
    this.#prefix = prefix
    this.#driver = driver
  }

  async admit(handle: Handle, admission: Admission): Promise<AdmitOutcome> {
    const { owner, document, ttl, now, limit, before } = admission
    const isHere = before && tagOf(before.handle) === tagOf(owner)
    const tombstone = [isHere ? before.tombstone.document : '', String(before?.tombstone.ttl ?? '')]
    const most = [String(limit?.most ?? 0), limit?.beyond ?? '']
    const args = [document, String(ttl), String(now), ...most, ...tombstone]
    const keys = admissionKeys(this.#prefix, handle, admission)
    const reply = await runScript(this.#driver, scripts.admit, keys, args)
    const [kind, replaced, ...members] = reply as [AdmitOutcome['kind'], string, ...string[]]
    if (kind !== 'admitted') return { kind }
    const evicted = handlesOf(owner, members)
    return isHere ? { kind, evicted, replaced } : { kind, evicted }
  }

  async list(owner: UserKey, { now, offset, count }: IndexPage): Promise<ListedPage> {
    const args = [String(now), String(offset), String(count)]
    const key = indexKey(this.#prefix, owner)
    const reply = await runScript(this.#driver, scripts.list, [key], args)
    const [read, ...pairs] = reply as [number, ...string[]]
    const members = pairs.filter((_, at) => at % 2 === 0)
    const entries = handlesOf(owner, members).map((handle, at) => ({
      handle,
      metaLine: pairs[at * 2 + 1] ?? '',
    }))
    return { entries, isFull: read === count }
  }

  async count(owner: UserKey, now: number): Promise<number> {
    const key = indexKey(this.#prefix, owner)
    for (;;) {
      const args = [String(now), String(BATCH)]
      const reply = await runScript(this.#driver, scripts.count, [key], args)
      const [live, removed] = reply as [number, number]
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
    const [size, ...members] = reply as [number, ...string[]]
    return { handles: handlesOf(owner, members), isLast: size === 0 }
  }

  async confirm(owner: UserKey): Promise<boolean | undefined> {
    const key = indexKey(this.#prefix, owner)
    if (!this.#driver.isPinned) return undefined
    const role = (await this.#driver.send(key, false, ['ROLE'])) as [string, number, unknown[]]
    if (role[0] !== 'master' || role[2].length === 0) return undefined
    // Counts for the connection it is sent on: another one would confirm nothing.
    return Number(await this.#driver.send(key, false, ['WAIT', '1', String(CONFIRM)])) >= 1
  }
}

function handlesOf(owner: UserKey, members: readonly string[]): Handle[] {
  return members.map((member) => (tagOf(owner) + member) as Handle)
}
