/** A line to Redis that goes silent without a word: no end, no reset, nothing. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Relay {
  readonly port: number
  /** From now on nothing goes either way on connections over which this was ever sent. */
  silence(sent: RegExp): void
}

interface Line {
  readonly ends: readonly Socket[]
  sent: string
}

export async function relayTo(target: number): Promise<Relay> {
  const lines: Line[] = []
  const server = createServer((near) => {
    const far = connect({ port: target, host: '127.0.0.1' })
    const line: Line = { ends: [near, far], sent: '' }
    lines.push(line)
    near.on('data', (data) => (line.sent += String(data)))
    near.pipe(far)
    far.pipe(near)
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      end.on('error', () => undefined)
      end.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const end of lines.flatMap(({ ends }) => ends)) end.destroy()
  })
  return {
    port: (server.address() as AddressInfo).port,
    silence: (sent) => {
      for (const { ends } of lines.filter((line) => sent.test(line.sent))) {
        for (const end of ends) {
          end.unpipe()
          end.removeAllListeners('data')
          end.pause()
        }
      }
    },
  }
}
