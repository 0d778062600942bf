/**
 * Does Redis ever see a session id? While the tests run, reads everything that MONITOR tells. A session
 * lies under a hash of its id, so an id needs no guessing: it is a text whose hash is a key that was seen.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { handleOf } from '../../src/core/id.ts'
import type { SessionId } from '../../src/core/id.ts'

/** Three characters of tag, and 256 bits. */
const LENGTH = 46
/** Longer runs are filler of tests, not ids beside something. */
const LONGEST = 2 * LENGTH
const RUNS = new RegExp(`(?<![\\w-])[\\w-]{${LENGTH},${LONGEST}}(?![\\w-])`, 'g')
const HANDLES = /\{([\w-]{3})\}:([\w-]{22})(?![\w-])/g

interface SecretScanner {
  /** What was said so far, as a server says it to MONITOR. */
  read(text: string): void
  /** How many of the sessions that were named were named by their ids, too. */
  leaks(): number
  readonly handles: number
}

function secretScanner(): SecretScanner {
  const handles = new Set<string>()
  const suspects = new Set<string>()
  return {
    read(text) {
      for (const [, tag, digest] of text.matchAll(HANDLES)) handles.add(`${tag}${digest}`)
      for (const [run] of text.matchAll(RUNS))
        for (let at = 0; at + LENGTH <= run.length; at++)
          suspects.add(handleOf(run.slice(at, at + LENGTH) as SessionId))
    },
    leaks: () => [...suspects].filter((handle) => handles.has(handle)).length,
    get handles() {
      return handles.size
    },
  }
}

/** Watches servers on loopback; `stop` resolves to a line for the screen, or rejects if an id was seen. */
export async function watchForSecrets(
  ports: readonly number[],
): Promise<{ stop(): Promise<string> }> {
  const scanner = secretScanner()
  let bytes = 0
  const sockets = await Promise.all(
    ports.map(async (port) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.write('MONITOR\r\n')
      await once(socket, 'data')
      let rest = ''
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        bytes += chunk.length
        const text = rest + chunk
        const end = text.lastIndexOf('\n') + 1
        scanner.read(text.slice(0, end))
        rest = text.slice(end)
      })
      return socket
    }),
  )
  return {
    async stop() {
      const lost = sockets.filter(({ destroyed }) => destroyed)
      for (const socket of sockets) await ended(socket)
      const megabytes = Math.round(bytes / 1e6)
      const leaks = scanner.leaks()
      const line = `secret scanner: ${megabytes} MB of commands, ${scanner.handles} sessions, ${leaks} ids`
      if (lost.length > 0) throw new Error(`${line}; ${lost.length} servers were lost on the way`)
      if (leaks > 0) throw new Error(`${line}: an id of a session was sent to Redis.`)
      return line
    },
  }
}

async function ended(socket: Socket): Promise<void> {
  if (socket.destroyed) return
  const closed = once(socket, 'close')
  socket.end('QUIT\r\n')
  await closed
}
