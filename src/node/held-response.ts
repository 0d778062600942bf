/**
 * Keeps a node:http response back until the session it depends on is saved: no byte, redirects
 * included, leaves before, and if the save fails the handler's answer does not leave at all.
 *
 * The first call that would send the head settles the session. Where there is nothing to save it goes
 * through at once; otherwise it and all that follow wait their turn.
 */
import type { ServerResponse } from 'node:http'
import type { Visit } from '../core/visit.ts'
import { answerFailure, resetResponse } from './failure.ts'
import { addLines, mergeHead } from './header-lines.ts'

type Send = (...args: unknown[]) => unknown

/** `onFailure` answers instead of the handler, through the same response. */
export function holdResponse<Data extends object>(
  response: ServerResponse,
  visit: Visit<Data>,
  onFailure: (error: unknown) => void,
): void {
  const target = response as unknown as Record<'writeHead' | 'write' | 'end' | 'flushHeaders', Send>
  const { writeHead, write, end, flushHeaders } = target
  const held: Held = {
    waiting: undefined,
    isHeadWritten: false,
    isHeadSent: response.headersSent,
    owesDrain: false,
  }

  /** Settles, then sends: at once, or when the save is done and all calls before have gone. */
  const pass = (send: () => void): void => {
    if (held.waiting) return void held.waiting.push(() => pass(send))
    const saving = visit.settle()
    if (saving) {
      held.waiting = [send]
      saving.then(release, fail)
    } else {
      sendHead()
      send()
    }
  }

  const sendHead = (): void => {
    if (held.isHeadSent) return
    held.isHeadSent = true
    addLines(response, visit)
  }

  const taken = (): (() => void)[] => {
    const calls = held.waiting ?? []
    held.waiting = undefined
    return calls
  }

  const release = (): void => {
    const calls = taken()
    if (isGone(response)) return
    sendHead()
    for (const [at, call] of calls.entries()) {
      call()
      // It may have found more to save: the rest waits behind it.
      if (held.waiting) return void held.waiting.push(...calls.slice(at + 1))
    }
    if (held.owesDrain && !response.writableNeedDrain) response.emit('drain')
    held.owesDrain = false
  }

  const fail = (error: unknown): void => {
    taken()
    if (isGone(response)) return
    if (held.isHeadSent) return void response.destroy()
    held.isHeadWritten = false
    held.owesDrain = false
    resetResponse(response)
    // A middleware in between (compression) has begun to encode the body that is not sent.
    if (target.write !== heldWrite) answerFailure(response, error, end as ServerResponse['end'])
    else onFailure(error)
  }

  const heldWrite: Send = (...args) => {
    if (held.isHeadSent && !held.waiting) return write.apply(response, args)
    let isWritable: unknown
    pass(() => {
      isWritable = write.apply(response, args)
    })
    if (isWritable === undefined) held.owesDrain = true
    return isWritable ?? false
  }

  target.write = heldWrite
  target.writeHead = (...args) => {
    if (held.isHeadSent && !held.waiting) return writeHead.apply(response, args)
    // Wrappers of wrappers call it again for each chunk, as long as no head has left.
    if (held.isHeadWritten) return response
    held.isHeadWritten = true
    pass(() => writeHead.apply(response, mergeHead(response, args)))
    return response
  }
  target.flushHeaders = () => {
    if (held.isHeadSent && !held.waiting) return flushHeaders.call(response)
    return pass(() => flushHeaders.call(response))
  }
  target.end = (...args) => {
    pass(() => end.apply(response, args))
    return response
  }
}

interface Held {
  /** The calls that wait for the save; undefined while none is under way. */
  waiting: (() => void)[] | undefined
  isHeadWritten: boolean
  isHeadSent: boolean
  owesDrain: boolean
}

/** The client went away; for http2 the stream says so. */
function isGone(response: ServerResponse): boolean {
  const { stream } = response as { stream?: { destroyed?: boolean } }
  return response.destroyed || stream?.destroyed === true
}
