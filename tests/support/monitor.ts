/** What a Redis server receives, command by command, as MONITOR tells it. */
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

export interface Monitor {
  /** The commands that clients sent since the last call; what scripts did inside is left out. */
  commands(): Promise<string[]>
  /** The same with all arguments, and with what scripts did. */
  lines(): Promise<string>
}

export async function monitor(port: number): Promise<Monitor> {
  const control = new Redis({ port })
  const listener = await new Redis({ port }).monitor()
  onTestFinished(() => {
    control.disconnect()
    listener.disconnect()
  })
  let seen: { source: string; args: string[] }[] = []
  let reached: (() => void) | undefined
  let marker = 0
  listener.on('monitor', (_time: string, args: string[], source: string) => {
    const command = args[0]?.toUpperCase() ?? ''
    if (command === 'ECHO' && args[1] === `marker ${marker}`) reached?.()
    // How clients introduce themselves is not part of any request.
    else if (!['HELLO', 'INFO', 'CLIENT'].includes(command)) seen.push({ source, args })
  })
  const take = async (): Promise<typeof seen> => {
    marker++
    const arrived = new Promise<void>((resolve) => (reached = resolve))
    await control.echo(`marker ${marker}`)
    await arrived
    const taken = seen
    seen = []
    return taken
  }
  return {
    commands: async () => {
      const taken = await take()
      return taken.filter(({ source }) => source !== 'lua').map(({ args }) => args[0] ?? '')
    },
    lines: async () => {
      const taken = await take()
      return taken.map(({ args }) => args.join(' ')).join('\n')
    },
  }
}
