/** What others may do with the head of a node:http response while it waits, and after its save failed. */
import type { ServerResponse } from 'node:http'

/** Change the head, each with an answer of node:http for a head that has left. */
const CHANGES = ['setHeader', 'appendHeader', 'setHeaders', 'removeHeader'] as const

/**
 * The head is decided, though it has not left: as after it has, it cannot be changed any more. Returns
 * what undoes this.
 *
 * While the body is under way, whoever asks is told that the head was sent. After the end nobody is: an
 * error handler would destroy the connection before the answer has left. Its own answer comes to nothing.
 */
export function freezeHead(response: ServerResponse, isEnded: () => boolean): () => void {
  const { statusCode, statusMessage } = response
  const refuse = (): ServerResponse => {
    if (isEnded()) return response
    throw headSentError(response)
  }
  const changes = CHANGES.map((name) => [name, { value: refuse }])
  const restore = overlay(response, {
    ...(Object.fromEntries(changes) as PropertyDescriptorMap),
    headersSent: { get: () => !isEnded() },
    writableEnded: { get: isEnded },
  })
  return () => {
    restore()
    response.statusCode = statusCode
    if (!isHttp2(response)) response.statusMessage = statusMessage
  }
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
