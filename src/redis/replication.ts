/**
 * Whether replicas have what was written. Asked by WAIT on a connection aside, because WAIT holds up
 * every request behind it; the offsets of ROLE would hold up none, but replicas report theirs once a
 * second unless a WAIT asks them.
 */
import { setImmediate as endOfTurn, setTimeout as pause } from 'node:timers/promises'
import { randomText, tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import type { Aside } from './aside.ts'
import type { Driver } from './driver.ts'
import { markerKey } from './keys.ts'

/** How long anybody waits for an answer, milliseconds. */
const BOUND = 50
/** A round that takes longer never ends; WAIT itself may take 100 ms where it is told 50. */
const PATIENCE = 1000
/** After so long without a question the connection aside is closed. */
const IDLE = 1000
/** Of sessions in more slots than that, on a Cluster, nothing is said. */
const MOST_SLOTS = 100
/** Where there is one server, one question answers for all. */
const ANY = 'AAA'
/**
 * For so long a replica that was there is missed, milliseconds: in a planned failover the one that is
 * promoted leaves first, and the others, which the old master still has, will lose what it lacks.
 */
const MISSED = 60_000

/** All who ask while a round is on its way share the next one. */
interface Round {
  readonly tags: Set<string>
  /** The tags whose node has a replica with everything. */
  readonly outcome: Promise<ReadonlySet<string> | undefined>
}

export class Replication {
  readonly #prefix: string
  readonly #driver: Driver
  #running: Promise<unknown> = Promise.resolve()
  #next: Round | undefined
  #aside: Promise<Aside<Driver> | undefined> | undefined
  #idle: NodeJS.Timeout | undefined
  /** How many replicas there were, and when. */
  #most = { count: 1, at: -Infinity }

  constructor(prefix: string, driver: Driver) {
    this.#prefix = prefix
    this.#driver = driver
  }

  /** Whether what was written to these sessions is on the replicas; undefined where there is none, or no telling. */
  async confirm(handles: readonly Handle[]): Promise<boolean | undefined> {
    const tags = this.#driver.isCluster ? [...new Set(handles.map(tagOf))] : [ANY]
    if (tags.length > MOST_SLOTS) return undefined
    let soFar: false | undefined
    const asking = this.#ask(tags, () => (soFar = false))
    // A reply may lie in the socket while this process was too busy to read it: let one poll pass.
    const late = pause(BOUND)
      .then(() => endOfTurn())
      .then(() => soFar)
    return Promise.race([asking, late])
  }

  async #ask(tags: readonly string[], hasReplicas: () => void): Promise<boolean | undefined> {
    try {
      const key = markerKey(this.#prefix, tags[0] ?? ANY, '')
      const role = await this.#driver.sendAlong(key, ['ROLE'])
      if (!Array.isArray(role) || role[0] !== 'master' || role[2]?.length === 0) return undefined
      hasReplicas()
      this.#count(role[2].length)
      const round = (this.#next ??= this.#begin())
      for (const tag of tags) round.tags.add(tag)
      const confirmed = await round.outcome
      return confirmed && tags.every((tag) => confirmed.has(tag))
    } catch (error) {
      // Without the permission, or without memory for the marker, there is no telling.
      if (error instanceof Error && /^(NOPERM|OOM)/.test(error.message)) return undefined
      throw error
    }
  }

  /** On a Cluster each master has a number of its own, and one replica has to do. */
  #count(replicas: number): void {
    const now = performance.now()
    if (this.#driver.isCluster) return
    if (replicas >= this.#most.count || now - this.#most.at > MISSED)
      this.#most = { count: replicas, at: now }
  }

  #begin(): Round {
    const tags = new Set<string>()
    const outcome = this.#running.then(() => {
      this.#next = undefined
      return this.#goRound([...tags])
    })
    this.#running = outcome.catch(() => undefined)
    return { tags, outcome }
  }

  async #goRound(tags: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    clearTimeout(this.#idle)
    try {
      return await within(PATIENCE, this.#confirmed(tags))
    } catch (error) {
      this.close()
      throw error
    } finally {
      this.#idle = setTimeout(() => this.close(), IDLE).unref()
    }
  }

  async #confirmed(tags: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    const aside = await (this.#aside ??= this.#driver.aside())
    if (!aside) return undefined
    const isOn = await Promise.all(tags.map((tag) => this.#isOnReplica(aside.over, tag)))
    return new Set(tags.filter((_, at) => isOn[at]))
  }

  /**
   * A marker is written by the connection that wrote the rest, and removed aside: where it is found
   * there, both speak to one server and not to two after a failover, and WAIT speaks of all that came
   * before, since it answers for what its own connection has written.
   */
  async #isOnReplica(aside: Driver, tag: string): Promise<boolean> {
    const marker = markerKey(this.#prefix, tag, randomText(8))
    await this.#driver.send(marker, false, ['SET', marker, '', 'PX', String(PATIENCE)])
    if (Number(await aside.send(marker, false, ['DEL', marker])) !== 1) return false
    const { count } = this.#most
    return Number(await aside.sendAlong(marker, ['WAIT', String(count), String(BOUND)])) >= count
  }

  /** Lets the connection aside go. */
  close(): void {
    clearTimeout(this.#idle)
    this.#aside?.then(
      (aside) => aside?.close(),
      () => undefined,
    )
    this.#aside = undefined
  }
}

async function within<Value>(limit: number, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('No replica could be asked.')), limit)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
