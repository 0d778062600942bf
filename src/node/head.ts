/** What others may do with the head of a node:http response while it waits, and after its save failed. */
import type { ServerResponse } from 'node:http'
import { holderOf, waitsOf } from './senders.ts'
import type { Holder, Waits } from './senders.ts'

/** Change the head, each with an answer of node:http for a head that has left. */
const CHANGES = ['setHeader', 'appendHeader', 'setHeaders', 'removeHeader'] as const
/** Say how far the response is, here: while the head waits for how much of it. */
const FLAGS = { headersSent: 'begun', writableEnded: 'whole' } as const

type Method = (...args: unknown[]) => unknown
type Guards = PropertyDescriptorMap
type WaitsOf = (response: ServerResponse) => Waits

/** By the prototype behind them, so that all responses get the same: V8 is slow with what has functions of its own. */
const guards = new WeakMap<object, Guards>()
/** Prototypes that have them. */
const guarded = new WeakSet<object>()

/**
 * The head is decided, though it has not left: as after it has, it cannot be changed any more. Returns
 * what undoes this. `home` is the prototype that the framework lends its responses.
 *
 * While the body is under way, whoever asks is told that the head was sent. After the end nobody is: an
 * error handler would destroy the connection before the answer has left. Its own answer comes to nothing.
 */
export function freezeHead(response: ServerResponse, holder: Holder, home?: object): () => void {
  const { statusCode, statusMessage } = response
  const isGuarded = holderOf(response) === holder && guardHead(response, home)
  const restore = isGuarded
    ? undefined
    : overlay(
        response,
        guardsBefore(response, () => holder.waits),
      )
  return () => {
    restore?.()
    response.statusCode = statusCode
    if (!isHttp2(response)) response.statusMessage = statusMessage
  }
}

/** Stays, for it is cheaper than going. False where somebody else has changed what is to be guarded. */
function guardHead(response: ServerResponse, home: object | undefined): boolean {
  const behind = home ?? (Object.getPrototypeOf(response) as object)
  const before = guards.get(behind) ?? guardsBefore(behind, waitsOf)
  guards.set(behind, before)
  if (home && !Object.prototype.isPrototypeOf.call(home, response)) return false
  if (Object.keys(before).some((name) => Object.hasOwn(response, name))) return false
  if (home && guarded.has(home)) return true
  if (home) guarded.add(home)
  Object.defineProperties(home ?? response, before)
  return true
}

/** What asks whether the head waits, and where it does not, leaves it to those of `behind`. */
function guardsBefore(behind: object, waits: WaitsOf): Guards {
  const guard: Guards = {}
  for (const name of CHANGES) {
    const native = (behind as Record<string, Method | undefined>)[name]
    if (!native) continue
    guard[name] = {
      value(this: ServerResponse, ...args: unknown[]): unknown {
        const waiting = waits(this)
        if (!waiting) return Reflect.apply(native, this, args)
        if (waiting === 'whole') return this
        throw headSentError(this)
      },
      configurable: true,
      writable: true,
    }
  }
  for (const [name, meaning] of Object.entries(FLAGS)) {
    const flag = flagOf(behind, name)
    guard[name] = {
      get(this: ServerResponse): unknown {
        const waiting = waits(this)
        return waiting ? waiting === meaning : flag(this)
      },
      configurable: true,
    }
  }
  return guard
}

/** Reads a flag as it is without us. */
function flagOf(behind: object, name: string): (response: ServerResponse) => unknown {
  let owner: object | null = behind
  while (owner && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object | null
  const { get, value } = (owner && Object.getOwnPropertyDescriptor(owner, name)) ?? {}
  return (response) => (get ? (Reflect.apply(get, response, []) as unknown) : value)
}

/** Calls back before the status or a header is changed, once. Returns what undoes this. */
export function whenTouched(response: ServerResponse, callback: () => void): () => void {
  const target = response as unknown as Record<string, unknown>
  const touch = (): void => {
    restore()
    callback()
  }
  const changes = CHANGES.map((name) => {
    const value = (...args: unknown[]): unknown => {
      touch()
      return (target[name] as (...args: unknown[]) => unknown)(...args)
    }
    return [name, { value }]
  })
  const { statusCode } = response
  const set = (value: number): void => {
    touch()
    response.statusCode = value
  }
  const restore = overlay(response, {
    ...(Object.fromEntries(changes) as PropertyDescriptorMap),
    statusCode: { get: () => statusCode, set },
  })
  return restore
}

/** The error of node:http for a change that comes too late. */
export function headSentError(response: ServerResponse): Error {
  const code = isHttp2(response) ? 'ERR_HTTP2_HEADERS_SENT' : 'ERR_HTTP_HEADERS_SENT'
  const error = new Error('Cannot change the head of a response after it was sent to the client')
  return Object.assign(error, { code })
}

/** HTTP/2 has no status message, and warns of one. */
export function isHttp2(response: ServerResponse): boolean {
  return response.req.httpVersionMajor > 1
}

/** Puts own properties before those that are there. Returns what brings them back, once. */
function overlay(target: object, properties: PropertyDescriptorMap): () => void {
  let before: [string, PropertyDescriptor | undefined][] = Object.keys(properties)
    .filter((name) => name in target)
    .map((name) => [name, Object.getOwnPropertyDescriptor(target, name)])
  for (const [name] of before) {
    Object.defineProperty(target, name, { ...properties[name], configurable: true })
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(target, name, descriptor)
      else Reflect.deleteProperty(target, name)
    }
    before = []
  }
}
