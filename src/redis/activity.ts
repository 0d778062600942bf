/** Who was seen lately, in Redis: sorted sets by the time of sight, spread over 64 slots. */
import type { Active, ActivityStore, Departure, Sighting } from '../core/activity-store.ts'
import type { Handle } from '../core/id.ts'
import type { Driver } from './driver.ts'
import { activityKey, namespaceName, namespacesKey, SHARDS, shardOf } from './keys.ts'
import { countedIn, outcomeIn, scoredIn } from './reply.ts'
import { runScript } from './script.ts'
import * as scripts from './scripts.generated.ts'

/** Keeps each command far below 2 ms of Redis' time. */
const BATCH = 500

export class RedisActivity implements ActivityStore {
  readonly #prefix: string
  readonly #driver: Driver

  constructor(prefix: string, driver: Driver) {
    this.#prefix = prefix
    this.#driver = driver
  }

  async note({ handle, owner, namespace, seenAt, keep }: Sighting): Promise<void> {
    // A session and its user share the slot tag and with it the shard: one script notes both.
    const namespaces = namespacesKey(this.#prefix, shardOf(handle))
    const name = namespaceName(namespace)
    const keys: [string, ...string[]] = [namespaces, activityKey(namespaces, name, 'sessions')]
    const members: string[] = [name, handle]
    if (owner) {
      keys.push(activityKey(namespaces, name, 'users'))
      members.push(owner)
    }
    const args = [String(seenAt), String(keep), ...members]
    outcomeIn(await runScript(this.#driver, scripts.active, keys, args), 'noted')
  }

  async forget(handles: readonly Handle[], departure?: Departure): Promise<void> {
    const left = departure && shardOf(departure.owner)
    const shards = new Set([...handles.map(shardOf), ...(left === undefined ? [] : [left])])
    await Promise.all(
      [...shards].map(async (shard) => {
        const members = handles.filter((handle) => shardOf(handle) === shard)
        const key = namespacesKey(this.#prefix, shard)
        for (let start = 0; start === 0 || start < members.length; start += BATCH) {
          const user = shard === left && start === 0 ? departure : undefined
          const args = [user?.owner ?? '', String(user?.seenBy ?? 0)]
          args.push(...members.slice(start, start + BATCH))
          countedIn(await runScript(this.#driver, scripts.inactive, [key], args))
        }
      }),
    )
  }

  async since(namespace: string, since: number, most: number): Promise<Active> {
    const shards = await Promise.all(
      SHARDS.map((shard) => this.#shardSince(shard, namespace, String(since), most)),
    )
    return {
      sessions: shards.reduce((sum, { sessions }) => sum + sessions, 0),
      users: shards.reduce((sum, { users }) => sum + users, 0),
      recent: shards
        .flatMap(({ recent }) => recent)
        .toSorted((a, b) => b.seenAt - a.seenAt)
        .slice(0, most)
        .map(({ handle }) => handle),
    }
  }

  /** Three commands, not a script: read-only, and known to every server. */
  async #shardSince(
    shard: string,
    namespace: string,
    since: string,
    most: number,
  ): Promise<{ sessions: number; users: number; recent: { handle: Handle; seenAt: number }[] }> {
    const namespaces = namespacesKey(this.#prefix, shard)
    const name = namespaceName(namespace)
    const send = (
      command: string,
      of: 'sessions' | 'users',
      ...args: string[]
    ): Promise<unknown> => {
      const key = activityKey(namespaces, name, of)
      return this.#driver.send(key, true, [command, key, ...args])
    }
    const latest = ['+inf', since, 'WITHSCORES', 'LIMIT', '0', String(most)]
    const [sessions, users, recent] = await Promise.all([
      send('ZCOUNT', 'sessions', since, '+inf'),
      send('ZCOUNT', 'users', since, '+inf'),
      most > 0 ? send('ZREVRANGEBYSCORE', 'sessions', ...latest) : [],
    ])
    return {
      sessions: countedIn(sessions)[0],
      users: countedIn(users)[0],
      recent: scoredIn(recent).map(({ member, score }) => ({
        handle: member as Handle,
        seenAt: score,
      })),
    }
  }
}
