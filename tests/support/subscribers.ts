/** Which connections subscribe to a channel, on whichever of the test run's servers, as MONITOR tells it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { redisServers } from './redis.ts'

export interface Subscriber {
  /** Cuts its connection. */
  kill(): Promise<void>
}

export interface Subscribers {
  /** The connection that subscribed next after the one that was asked for before. */
  next(): Promise<Subscriber>
  /** How many connections subscribe now. */
  count(): Promise<number>
}

/** Resolves when all servers of the kind are watched. */
export async function subscribers(
  servers: 'single' | 'cluster' | 'sentinel',
  channel: string,
): Promise<Subscribers> {
  const found: Subscriber[] = []
  let waiting: ((subscriber: Subscriber) => void) | undefined
  const controls = (await portsOf(servers)).map((port) => new Redis({ port }))
  onTestFinished(() => controls.forEach((control) => control.disconnect()))
  const watch = async (control: Redis): Promise<void> => {
    await monitored(control.options.port ?? 0, (source, command, ...args) => {
      if (command?.toUpperCase() !== 'SUBSCRIBE' || !args.includes(channel)) return
      const kill = async (): Promise<void> => void (await control.client('KILL', 'ADDR', source))
      if (waiting) waiting({ kill })
      else found.push({ kill })
      waiting = undefined
    })
  }
  await Promise.all(controls.map(watch))
  return {
    count: async () => {
      const counts = await Promise.all(
        controls.map(async (one) => (await one.call('PUBSUB', ['NUMSUB', channel])) as string[]),
      )
      return counts.reduce((sum, [, connections]) => sum + Number(connections), 0)
    },
    next: () => {
      const subscriber = found.shift()
      if (subscriber) return Promise.resolve(subscriber)
      return new Promise((resolve) => {
        waiting = resolve
      })
    },
  }
}

/** By hand: a client can take the first command that MONITOR shows for the reply to something else. */
async function monitored(
  port: number,
  seen: (source: string, ...args: string[]) => void,
): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const lines = createInterface({ input: socket })
  socket.write('MONITOR\r\n')
  await once(lines, 'line')
  lines.on('line', (line) => {
    const [, source = '', command = ''] = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? []
    seen(source, ...Array.from(command.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, arg = '']) => arg))
  })
}

async function portsOf(servers: 'single' | 'cluster' | 'sentinel'): Promise<number[]> {
  const { single, cluster, sentinel } = redisServers()
  if (servers === 'single') return [single.port]
  if (servers === 'cluster') return cluster.nodes.map(({ port }) => port)
  const one = new Redis({ port: sentinel.sentinels[0]?.port ?? 0 })
  const master = (await one.call('SENTINEL', ['MASTER', sentinel.name])) as string[]
  const replicas = (await one.call('SENTINEL', ['REPLICAS', sentinel.name])) as string[][]
  one.disconnect()
  return [master, ...replicas].map((fields) => Number(fields[fields.indexOf('port') + 1]))
}
