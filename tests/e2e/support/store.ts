/** A store on the test run's Redis that a test can watch, hold back, and break. */
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { redisStore } from '../../../src/redis/index.ts'
import type { Store } from '../../../src/index.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { barrier } from './barrier.ts'

type Verb = Exclude<keyof Store, 'close' | 'users' | 'references' | 'activity' | 'revocations'>

const WRITES: readonly Verb[] = ['create', 'update', 'increment', 'regenerate', 'end']

/** The acknowledgement of a write is on its way, and does not arrive before the test says so. */
export interface Hold {
  /** A write has been done, and is not acknowledged. */
  readonly reached: Promise<void>
  release(): void
}

export interface StagedStore extends Store {
  /** The verbs that were called. */
  readonly calls: readonly Verb[]
  /** Keys of the sessions that are stored now, tombstones included. */
  keys(): Promise<string[]>
  /** From now on no write is acknowledged, until the release. */
  hold(): Hold
  /** From now on these verbs reject; without names all do. */
  fail(...verbs: Verb[]): void
  heal(): void
}

export function stagedStore(): StagedStore {
  const client = new Redis(redisServers().single.url)
  onTestFinished(() => client.disconnect())
  const prefix = freshPrefix()
  const store = redisStore({ client, prefix })
  const calls: Verb[] = []
  let failing: readonly Verb[] = []
  let gate: { reach(): void; readonly opened: Promise<void> } | undefined

  const stage = async <Reply>(verb: Verb, ask: () => Promise<Reply>): Promise<Reply> => {
    calls.push(verb)
    if (failing.includes(verb)) throw new Error('the store is broken')
    const reply = await ask()
    if (gate && WRITES.includes(verb)) {
      gate.reach()
      await gate.opened
    }
    if (failing.includes(verb)) throw new Error('the store broke meanwhile')
    return reply
  }

  return {
    calls,
    keys: () => client.keys(`${prefix}*`),
    hold() {
      const reached = barrier()
      const opened = barrier()
      gate = { reach: reached.open, opened: opened.passed }
      return {
        reached: reached.passed,
        release() {
          gate = undefined
          opened.open()
        },
      }
    },
    fail(...verbs) {
      failing = verbs.length > 0 ? verbs : ['load', 'touch', ...WRITES]
    },
    heal() {
      failing = []
    },
    load: (handle) => stage('load', () => store.load(handle)),
    create: (handle, document, ttl) => stage('create', () => store.create(handle, document, ttl)),
    pin: (...args) => stage('pin', () => store.pin(...args)),
    adopt: (...args) => stage('adopt', () => store.adopt(...args)),
    update: (handle, patch) => stage('update', () => store.update(handle, patch)),
    increment: (handle, step) => stage('increment', () => store.increment(handle, step)),
    touch: (handle, now) => stage('touch', () => store.touch(handle, now)),
    regenerate: (handle, patch, succession) =>
      stage('regenerate', () => store.regenerate(handle, patch, succession)),
    claim: (...args) => stage('claim', () => store.claim(...args)),
    users: store.users,
    references: store.references,
    activity: store.activity,
    revocations: store.revocations,
    end: (handle, tombstone) => stage('end', () => store.end(handle, tombstone)),
    close: () => store.close(),
  }
}
