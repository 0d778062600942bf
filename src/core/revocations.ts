/**
 * Word of ended sessions between processes that share a store. A revocation holds without it, for the
 * next request everywhere; it is for what outlives a request: sockets, caches, screens.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { inBackground } from './background.ts'
import type { Channel, Subscription } from './channel.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { closedError, HandstampError } from './errors.ts'
import type { EndedBy } from './events.ts'
import { asHandle, randomText } from './id.ts'
import type { Handle } from './id.ts'

/** What is sent: no user id and no session id, because whoever may subscribe reads it. */
export interface Announcement {
  /** Names the engine that sent it, which tells its own listeners itself. */
  readonly from: string
  readonly by: EndedBy
  readonly handles: readonly Handle[]
}

const MOST_HANDLES = 100
const MOST_LENGTH = 8192
/** A connection of its own is opened, across networks and TLS. */
const LISTEN_TIMEOUT = 5000
const KNOWN: readonly unknown[] = ['user', 'admin', 'limit', 'owner'] satisfies EndedBy[]

/** Ends the listening. */
export type StopListening = () => Promise<void>

export class Revocations {
  readonly #channel: Channel
  readonly #engine: Pick<Engine, 'events' | 'calls' | 'storeTimeout' | 'background'>
  readonly #self = randomText(16)
  readonly #waiting = new Map<EndedBy, Handle[]>()
  #listening:
    | { readonly subscription: Subscription; readonly ready: Promise<StopListening> }
    | undefined
  #closed = false

  constructor(
    channel: Channel,
    engine: Pick<Engine, 'events' | 'calls' | 'storeTimeout' | 'background'>,
  ) {
    this.#channel = channel
    this.#engine = engine
  }

  /** Sends word in the background; what ends within one turn of the event loop goes together. */
  announce(handles: readonly Handle[], by: EndedBy): void {
    if (handles.length === 0) return
    const isFirst = this.#waiting.size === 0
    this.#waiting.set(by, [...(this.#waiting.get(by) ?? []), ...handles])
    if (!isFirst) return
    const { background } = this.#engine
    // Emptied by itself: the work of sending may be refused, or done twice.
    const gathering: Promise<unknown> = endOfTurn()
      .then(() => this.#sendAll())
      .finally(() => background.delete(gathering))
    background.add(gathering)
  }

  #sendAll(): void {
    const announcements = [...this.#waiting].flatMap(([reason, ended]) =>
      announcementsOf(this.#self, reason, ended),
    )
    this.#waiting.clear()
    inBackground(this.#engine, 'publish', () =>
      Promise.all(announcements.map((text) => this.#channel.publish(text))),
    )
  }

  /** Rejects with ERR_CLOSED, ERR_STORE, ERR_STORE_TIMEOUT. */
  listen(): Promise<StopListening> {
    if (this.#closed) return Promise.reject(closedError())
    if (this.#listening) return this.#listening.ready
    const { events, calls, storeTimeout } = this.#engine
    const subscription = this.#channel.subscribe({
      message: (text) => this.#hear(text),
      lost: (cause) => events.tell('storeFailed', { operation: 'listen', error: lostError(cause) }),
    })
    const stop = async (): Promise<void> => {
      if (this.#listening?.subscription === subscription) this.#listening = undefined
      await subscription.close()
    }
    const patience = { calls, storeTimeout: Math.max(storeTimeout, LISTEN_TIMEOUT) }
    const ready = ask(patience, 'listen', () => subscription.ready).then(
      () => stop,
      async (error: unknown) => {
        await stop()
        throw error
      },
    )
    this.#listening = { subscription, ready }
    return ready
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#listening?.subscription.close()
    this.#listening = undefined
  }

  #hear(text: string): void {
    const announcement = decodeAnnouncement(text)
    if (!announcement || announcement.from === this.#self) return
    const { handles, by } = announcement
    for (const handle of handles) {
      this.#engine.events.tell('revoked', { handle, userId: undefined, by, remote: true })
    }
  }
}

/** The texts to send for any number of handles. */
export function announcementsOf(from: string, by: EndedBy, handles: readonly Handle[]): string[] {
  const texts: string[] = []
  for (let start = 0; start < handles.length; start += MOST_HANDLES) {
    const batch = handles.slice(start, start + MOST_HANDLES)
    texts.push(JSON.stringify({ from, by, handles: batch } satisfies Announcement))
  }
  return texts
}

/** What was received, from whomever: undefined for what is none of ours. */
export function decodeAnnouncement(text: string): Announcement | undefined {
  if (text.length > MOST_LENGTH) return undefined
  let parsed: Partial<Record<keyof Announcement, unknown>> | null
  try {
    parsed = JSON.parse(text) as typeof parsed
  } catch {
    return undefined
  }
  const { from, by, handles } = parsed ?? {}
  if (typeof from !== 'string' || !Array.isArray(handles)) return undefined
  return {
    from,
    // A later version may know more reasons; that the sessions have ended is what counts.
    by: KNOWN.includes(by) ? (by as EndedBy) : 'admin',
    handles: handles.flatMap((handle) => (typeof handle === 'string' && asHandle(handle)) || []),
  }
}

function lostError(cause: unknown): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'The connection that hears of revocations is cut. Those of other processes are missed until the client ' +
      'has connected again; sessions that ended are refused all the same.',
    { cause },
  )
}
