/** The proxy itself, between real clients and a real Redis. */
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { barrier } from '../e2e/support/barrier.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { damage, diceOf } from './dice.js'
import { startProxy } from './proxy.js'
import type { Fault, Proxy } from './proxy.js'
import { commandOf, framesOf } from './resp.js'

async function between(): Promise<Proxy> {
  const proxy = await startProxy(redisServers().single.port)
  onTestFinished(() => proxy.stop())
  return proxy
}

/** Sends each command once, says what happened at once, and keeps nothing for later. */
function plainClient(port: number, more: object = {}): Redis {
  const redis = new Redis({
    port,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 300,
    retryStrategy: () => 20,
    ...more,
  })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

/** Settings that ask a client for the one and the other version of the protocol. */
const speakers = {
  'ioredis, RESP 2': async (port: number) => {
    const redis = plainClient(port, { protocol: 2 })
    return (...words: string[]) => redis.call(words[0]!, words.slice(1))
  },
  'ioredis, RESP 3': async (port: number) => {
    const redis = plainClient(port, { protocol: 3 })
    return (...words: string[]) => redis.call(words[0]!, words.slice(1))
  },
  'node-redis, RESP 2': (port: number) => nodeRedis(port, 2),
  'node-redis, RESP 3': (port: number) => nodeRedis(port, 3),
}

async function nodeRedis(port: number, RESP: 2 | 3) {
  const client = createClient({ socket: { port }, RESP })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.destroy())
  return (...words: string[]): Promise<unknown> => client.sendCommand(words)
}

describe.each(Object.entries(speakers))('%s', (_, connect) => {
  test('sees no difference where nothing is to go wrong', async () => {
    const key = freshPrefix()
    const { port } = await between()
    const [direct, proxied] = await Promise.all([
      connect(redisServers().single.port),
      connect(port),
    ])
    const large = `${'ä'.repeat(200_000)}\r\n*1\r\n`
    await proxied('SET', key, large, 'PX', '60000')
    const questions = [
      ['GET', key],
      ['GET', `${key}absent`],
      ['MGET', key, `${key}absent`],
      ['EVAL', 'return {1, {"two", false}, {ok = "fine"}}', '0'],
      ['CONFIG', 'GET', 'maxmemory*'],
      ['COMMAND', 'INFO', 'GET'],
    ]
    const asked = await Promise.all(questions.map((words) => proxied(...words)))
    for (const [at, words] of questions.entries()) expect(asked[at]).toEqual(await direct(...words))
    await expect(proxied('NONSENSE')).rejects.toThrow(/unknown command/)
  })
})

test('messages to subscribers pass', async () => {
  const { port } = await between()
  const channel = freshPrefix()
  const subscriber = plainClient(port)
  const message = new Promise((resolve) => subscriber.on('message', (_, text) => resolve(text)))
  await subscriber.subscribe(channel)
  await plainClient(port).publish(channel, 'hello')
  expect(await message).toBe('hello')
})

/** What a command sees that meets this fault, and whether it has taken effect. */
const met: [Fault, { sees: RegExp; ran: boolean }][] = [
  [
    { kind: 'reply', line: '-LOADING wait' },
    { sees: /^LOADING/, ran: false },
  ],
  [{ kind: 'reset' }, { sees: /closed|retries/, ran: false }],
  [{ kind: 'blackhole' }, { sees: /timed out/, ran: false }],
  [{ kind: 'lose-reply' }, { sees: /closed|retries/, ran: true }],
  [{ kind: 'half-close' }, { sees: /closed|retries/, ran: true }],
  [{ kind: 'swallow' }, { sees: /timed out/, ran: true }],
  [
    { kind: 'hold', until: new Promise(() => {}) },
    { sees: /timed out/, ran: true },
  ],
]

test.each(met)('$kind', async (fault, { sees, ran }) => {
  const key = freshPrefix()
  const proxy = await between()
  const redis = plainClient(proxy.port)
  await redis.set(key, 0, 'PX', 60_000)
  proxy.meet(({ name }) => (name === 'INCR' ? fault : undefined))
  await expect(redis.incr(key)).rejects.toThrow(sees)
  expect(await plainClient(redisServers().single.port).get(key)).toBe(ran ? '1' : '0')
})

test('a held reply holds up those behind it, and they stay in order', async () => {
  const proxy = await between()
  const redis = plainClient(proxy.port, { commandTimeout: undefined })
  await redis.ping()
  const held = barrier()
  proxy.meet(({ args }) => (args[0] === 'a' ? { kind: 'hold', until: held.passed } : undefined))
  const order: string[] = []
  const echoes = ['a', 'b', 'c'].map((word) => redis.echo(word).then((text) => order.push(text)))
  await plainClient(proxy.port).ping()
  expect(order).toEqual([])
  held.open()
  await Promise.all(echoes)
  expect(order).toEqual(['a', 'b', 'c'])
})

test('a blackhole takes connections that exist and new ones, and ends', async () => {
  const proxy = await between()
  const redis = plainClient(proxy.port)
  await redis.ping()
  proxy.blackhole(true)
  await expect(redis.ping()).rejects.toThrow(/timed out/)
  await expect(plainClient(proxy.port).ping()).rejects.toThrow(/timed out/)
  proxy.blackhole(false)
  await expect.poll(() => redis.ping().catch(() => 'not yet')).toBe('PONG')
})

test('damage changes bytes, and the same ones for the same seed', () => {
  const reply = Buffer.from('$5\r\nhello\r\n')
  const damaged = [1, 1, 2].map((seed) => damage(diceOf(seed))(Buffer.from(reply)).toString('hex'))
  expect(damaged[0]).not.toBe(reply.toString('hex'))
  expect(damaged[1]).toBe(damaged[0])
  expect(damaged[2]).not.toBe(damaged[0])
})

test('frames are found wherever the bytes are cut', () => {
  const frames = [
    '+OK\r\n',
    '$-1\r\n',
    '*-1\r\n',
    '*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n',
    '%1\r\n+key\r\n*2\r\n:1\r\n#t\r\n',
    '|1\r\n+ttl\r\n:3\r\n$2\r\nhi\r\n',
    '>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n',
    '_\r\n',
  ]
  const bytes = Buffer.from(frames.join(''))
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = framesOf(bytes.subarray(0, cut))
    const second = framesOf(Buffer.concat([first.rest, bytes.subarray(cut)]))
    expect([...first.frames, ...second.frames].map(String)).toEqual(frames)
    expect(second.rest).toHaveLength(0)
  }
  expect(commandOf(Buffer.from(frames[3]!))).toEqual(['GET', 'a\r\nb'])
  expect(commandOf(Buffer.from('PING\r\n'))).toEqual(['PING'])
})
