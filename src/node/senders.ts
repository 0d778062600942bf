/** Stands in front of what sends a node:http response, so that it can be held back. */
import { ServerResponse } from 'node:http'

export type Verb = 'writeHead' | 'write' | 'end' | 'flushHeaders'

export type Senders = Record<Verb, (...args: unknown[]) => unknown>

/** How much of a response waits for its session to be saved; undefined while nothing does. */
export type Waits = 'begun' | 'whole' | undefined

/** Who is asked first, each time that something would be sent. */
export interface Holder {
  readonly waits: Waits
  /** Where it stands. */
  readonly front: Front
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
  /** The prototype on which they stand, where it is not the response itself. */
  readonly home?: object
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

/** The holder's senders stand on a prototype that is not behind this response any more. */
export function isStranded(response: ServerResponse): boolean {
  const home = holderOf(response)?.front.home
  return home !== undefined && !Object.prototype.isPrototypeOf.call(home, response)
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
    front = { held: sendersBefore(native, home), native, home }
    Object.assign(home, front.held)
    homes.set(home, front)
  }
  return front
}

function pick({ writeHead, write, end, flushHeaders }: Senders): Senders {
  return { writeHead, write, end, flushHeaders }
}

/**
 * Each response is asked whether it is held, and from here: a middleware in front (compression) may keep
 * these senders and call them out of its own, before which the holder of that response stands.
 */
function sendersBefore(native: Senders, home?: object): Senders {
  const { writeHead, write, end, flushHeaders } = native
  const holderHere = ({ [HOLDER]: holder }: Held): Holder | undefined =>
    holder?.front.held === senders || (home && holder?.front.home) ? holder : undefined
  const senders: Senders & ThisType<Held> = {
    writeHead(...args) {
      const holder = holderHere(this)
      return holder ? holder.writeHead(args) : Reflect.apply(writeHead, this, args)
    },
    write(...args) {
      const holder = holderHere(this)
      return holder ? holder.write(args) : Reflect.apply(write, this, args)
    },
    end(...args) {
      const holder = holderHere(this)
      return holder ? holder.end(args) : Reflect.apply(end, this, args)
    },
    flushHeaders() {
      const holder = holderHere(this)
      return holder ? holder.flushHeaders() : Reflect.apply(flushHeaders, this, NO_ARGS)
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
