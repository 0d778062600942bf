/** What a Redis server receives, command by command, as MONITOR tells it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export interface Monitor {
  /** The commands that clients sent since the last call; what scripts did inside is left out. */
  commands(): Promise<string[]>
  /** The same with all arguments as MONITOR prints them, and with what scripts did. */
  lines(): Promise<string>
  /** The lines that hold this text, without those of the TTL sampler, which looks at all keys all the time. */
  linesWith(text: string): Promise<string[]>
}

/** How clients introduce themselves: not part of any request. */
const GREETINGS = ['HELLO', 'INFO', 'CLIENT']

export async function monitor(port: number): Promise<Monitor> {
  const control = connect({ port, host: '127.0.0.1' })
  const listener = connect({ port, host: '127.0.0.1' })
  onTestFinished(() => {
    control.destroy()
    listener.destroy()
  })
  let seen: string[] = []
  let reached: (() => void) | undefined
  let marker = 0
  const lines = createInterface({ input: listener })
  listener.write('MONITOR\r\n')
  await once(lines, 'line')
  lines.on('line', (line) => {
    if (line.endsWith(`"ECHO" "marker-${marker}"`)) reached?.()
    else if (!GREETINGS.includes(commandOf(line))) seen.push(line)
  })
  const take = async (): Promise<string[]> => {
    marker++
    const arrived = new Promise<void>((resolve) => (reached = resolve))
    control.write(`ECHO marker-${marker}\r\n`)
    await arrived
    const taken = seen
    seen = []
    return taken
  }
  return {
    commands: async () =>
      (await take()).filter((line) => !/ \[\d+ lua\] /.test(line)).map(commandOf),
    lines: async () => (await take()).join('\n'),
    linesWith: async (text) =>
      (await take()).filter((line) => line.includes(text) && !line.includes('"pttl"')),
  }
}

/** A line is `+<time> [<database> <client>] "<command>" "<argument>" …`. */
function commandOf(line: string): string {
  return /\] "([^"]*)"/.exec(line)?.[1]?.toUpperCase() ?? ''
}
