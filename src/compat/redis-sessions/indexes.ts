/** Which sessions there are, by app, by user, by last use and by when they end: the indexes of redis-sessions. */
import * as scripts from '../../redis/scripts.generated.ts'
import type { Commands } from './connection.ts'
import { holderInAll, holderInApp, memberOfAll, memberOfApp } from './keys.ts'
import type { Holder, Keys } from './keys.ts'
import { lifetimeOf, seconds, UNKNOWN } from './lifetime.ts'

export class Indexes {
  readonly #commands: Commands
  readonly #keys: Keys

  constructor(commands: Commands, keys: Keys) {
    this.#commands = commands
    this.#keys = keys
  }

  /** A session that is used now and ends in `ttl` seconds. */
  async enter(holder: Holder, ttl: number): Promise<void> {
    const { app, token, id } = holder
    const now = seconds()
    await Promise.all([
      this.#note(this.#keys.sessions(app), ttl, memberOfApp(holder), now),
      this.#note(this.#keys.users(app), ttl, id, now),
      this.#note(this.#keys.user(app, id), ttl, token, ''),
      this.postpone(holder, now + ttl),
    ])
  }

  /** A session that ends at another time than its entry says, in seconds since 1970. */
  async postpone(holder: Holder, until: number): Promise<void> {
    await this.#note(this.#keys.all, until - seconds(), memberOfAll(holder), until)
  }

  /** Out of all indexes; and users who have no session left out of the list of users. */
  async leave(holders: readonly Holder[]): Promise<void> {
    const removals = new Map<string, string[]>()
    const remove = (command: string, key: string, member: string): void => {
      const removal = removals.get(key)
      if (removal) removal.push(member)
      else removals.set(key, [command, key, member])
    }
    for (const holder of holders) {
      remove('ZREM', this.#keys.sessions(holder.app), memberOfApp(holder))
      remove('SREM', this.#keys.user(holder.app, holder.id), holder.token)
      remove('ZREM', this.#keys.all, memberOfAll(holder))
    }
    const sendAll = Array.from(removals, ([key, command]) => {
      return this.#commands.send(key, ...(command as [string, ...string[]]))
    })
    await Promise.all(sendAll)
    const users = new Map(holders.map((holder) => [this.#keys.user(holder.app, holder.id), holder]))
    await Promise.all(Array.from(users, ([key, holder]) => this.#leaveUsers(key, holder)))
  }

  async #leaveUsers(key: string, { app, id }: Holder): Promise<void> {
    const hasSessions = async (): Promise<boolean> =>
      Number(await this.#commands.send(key, 'EXISTS', key)) === 1
    if (await hasSessions()) return
    const users = this.#keys.users(app)
    await this.#commands.send(users, 'ZREM', users, id)
    // Signed in meanwhile.
    if (await hasSessions()) await this.#note(users, 0, id, seconds())
  }

  async ofUser(app: string, id: string): Promise<Holder[]> {
    const key = this.#keys.user(app, id)
    const tokens = (await this.#commands.send(key, 'SMEMBERS', key)) as Iterable<string>
    return Array.from(tokens, (token) => ({ app, token, id }))
  }

  /** A part of all sessions of an app. */
  ofApp(app: string, start: number, size: number): Promise<Holder[]> {
    const range = ['ZRANGE', String(start), String(start + size - 1)] as const
    return this.#members(this.#keys.sessions(app), range, (member) => holderInApp(app, member))
  }

  /** Those used within the last seconds, the last one first. */
  usedIn(app: string, delta: number): Promise<Holder[]> {
    const range = ['ZREVRANGEBYSCORE', '+inf', String(seconds() - delta)] as const
    return this.#members(this.#keys.sessions(app), range, (member) => holderInApp(app, member))
  }

  /** Some that are over, those first that have been so for longest. */
  over(size: number): Promise<Holder[]> {
    const range = ['-inf', String(seconds()), 'LIMIT', '0', String(size)]
    return this.#members(this.#keys.all, ['ZRANGEBYSCORE', ...range], holderInAll)
  }

  /** How many users have used a session within the last seconds. */
  async usersIn(app: string, delta: number): Promise<number> {
    const key = this.#keys.users(app)
    return Number(await this.#commands.send(key, 'ZCOUNT', key, String(seconds() - delta), '+inf'))
  }

  /** Members that are no entry of a session are removed. */
  async #members(
    key: string,
    [command, ...range]: readonly [string, ...string[]],
    read: (member: string) => Holder | undefined,
  ): Promise<Holder[]> {
    const members = (await this.#commands.send(key, command, key, ...range)) as string[]
    const strangers = members.filter((member) => !read(member))
    if (strangers.length > 0) await this.#commands.send(key, 'ZREM', key, ...strangers)
    return members.flatMap((member) => read(member) ?? [])
  }

  async #note(key: string, left: number, member: string, score: number | ''): Promise<void> {
    await this.#commands.run(scripts.rsNote, key, [lifetimeOf(left), UNKNOWN, member, score])
  }
}
