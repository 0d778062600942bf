/** A client that sends HTTP/1.1 as text, as it likes, several requests at once. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Where } from './browser.ts'

export interface RawSocket {
  write(text: string): void
  /** What has arrived so far. */
  received(): string
  /** Resolves to all that arrived, when the server has closed the connection. */
  readonly closed: Promise<string>
}

export async function rawSocket({ port }: Where): Promise<RawSocket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const chunks: Buffer[] = []
  const text = (): string => Buffer.concat(chunks).toString('latin1')
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = once(socket, 'close').then(text)
  // A broken connection is closed as well.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return { write: (line) => void socket.write(line, 'latin1'), received: text, closed }
}

/** A request without a body, as text. */
export function requestText(path: string, lines: readonly string[] = []): string {
  return [`GET ${path} HTTP/1.1`, 'Host: localhost', ...lines, '', ''].join('\r\n')
}

/** The status codes of the responses in a stream of them. */
export function statusesOf(text: string): number[] {
  return Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))
}
