/** Stands in front of what sends a node:http response, so that it can be held back. */
import { ServerResponse } from 'node:http'

export type Verb = 'writeHead' | 'write' | 'end' | 'flushHeaders'

export type Senders = Record<Verb, (...args: unknown[]) => unknown>

/** How much of a response waits for its session to be saved; undefined while nothing does. */
export type Waits = 'begun' | 'whole' | undefined

/** Who is asked first, each time that something would be sent. */
export interface Holder {
  readonly waits: Waits
  writeHead(args: readonly unknown[]): unknown
  write(args: readonly unknown[]): unknown
  end(args: readonly unknown[]): unknown
  flushHeaders(): unknown
}

/** What a holder stands behind, and what it stands before. */
export interface Front {
  readonly held: Senders
  /** What the response did before, which may be another middleware's. */
  readonly native: Senders
}

const HOLDER = Symbol('handstamp.holder')
const VERBS: readonly Verb[] = ['writeHead', 'write', 'end', 'flushHeaders']
const NO_ARGS: readonly unknown[] = []

interface Held {
  [HOLDER]?: Holder
}

/** Shared by all responses: most hold nothing back, and should not pay for functions of their own. */
const SHARED = sendersBefore(ServerResponse.prototype as unknown as Senders)

/** The prototypes with senders of ours. */
const homes = new WeakMap<object, Front>()

/** The sender behind each further one: several kinds of session may hold one response. */
const behind = new WeakMap<object, object>()

/**
 * From here on the holder hears each call first. `home` is the prototype that a framework lends its
 * responses: there our senders stand once, and not on each response.
 */
export function standInFront(response: ServerResponse, holder: Holder, home?: object): Front {
  const target = response as ServerResponse & Held
  if (target[HOLDER]) return takeOver(response, sendersOf(holder))
  target[HOLDER] = holder
  const isBare = home !== undefined && VERBS.every((verb) => !Object.hasOwn(response, verb))
  return isBare ? atHome(home) : takeOver(response, SHARED)
}

export function holderOf(response: ServerResponse): Holder | undefined {
  return (response as ServerResponse & Held)[HOLDER]
}

export function waitsOf(response: ServerResponse): Waits {
  return holderOf(response)?.waits
}

/** Whether a call of the response reaches these senders past nobody but senders of ours. */
export function isFront(response: ServerResponse, { held }: Front): boolean {
  let front: object | undefined = response.write
  while (front && front !== held.write) front = behind.get(front)
  return front !== undefined
}

/** Puts the senders before whatever stands on the response. */
export function takeOver(response: ServerResponse, held: Senders): Front {
  const target = response as unknown as Senders
  const native = pick(target)
  if (held !== SHARED) behind.set(held.write, native.write)
  target.writeHead = held.writeHead
  target.write = held.write
  target.end = held.end
  target.flushHeaders = held.flushHeaders
  return { held, native }
}

function atHome(home: object): Front {
  let front = homes.get(home)
  if (!front) {
    const native = pick(home as Senders)
    front = { held: sendersBefore(native), native }
    Object.assign(home, front.held)
    homes.set(home, front)
  }
  return front
}

function pick({ writeHead, write, end, flushHeaders }: Senders): Senders {
  return { writeHead, write, end, flushHeaders }
}

/** Each response is asked whether it is held. */
function sendersBefore(native: Senders): Senders {
  const { writeHead, write, end, flushHeaders } = native
  const senders: Senders & ThisType<Held> = {
    writeHead(...args) {
      return this[HOLDER] ? this[HOLDER].writeHead(args) : Reflect.apply(writeHead, this, args)
    },
    write(...args) {
      return this[HOLDER] ? this[HOLDER].write(args) : Reflect.apply(write, this, args)
    },
    end(...args) {
      return this[HOLDER] ? this[HOLDER].end(args) : Reflect.apply(end, this, args)
    },
    flushHeaders() {
      return this[HOLDER] ? this[HOLDER].flushHeaders() : Reflect.apply(flushHeaders, this, NO_ARGS)
    },
  }
  return senders
}

function sendersOf(holder: Holder): Senders {
  return {
    writeHead: (...args) => holder.writeHead(args),
    write: (...args) => holder.write(args),
    end: (...args) => holder.end(args),
    flushHeaders: () => holder.flushHeaders(),
  }
}
