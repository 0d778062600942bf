import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { backgroundDone } from '../../../src/core/background.ts'
import type { Channel, ChannelListener } from '../../../src/core/channel.ts'
import { SessionEmitter } from '../../../src/core/events.ts'
import type { SessionEvents } from '../../../src/core/events.ts'
import type { Handle } from '../../../src/core/id.ts'
import { announcementsOf, decodeAnnouncement, Revocations } from '../../../src/core/revocations.ts'
import { StoreCalls } from '../../../src/core/store-calls.ts'
import type { Store } from '../../../src/core/store.ts'
import { memoryStore } from '../../../src/memory/index.ts'

const handleAt = (at: number): Handle => `abc${String(at).padStart(22, '0')}` as Handle
const handles = (count: number): Handle[] => Array.from({ length: count }, (_, at) => handleAt(at))

describe('an announcement', () => {
  test('is read as it was sent, at most 100 handles in each', () => {
    for (const [count, sizes] of [
      [0, []],
      [1, [1]],
      [100, [100]],
      [101, [100, 1]],
      [250, [100, 100, 50]],
    ] as const) {
      const texts = announcementsOf('me', 'limit', handles(count))
      const read = texts.map((text) => decodeAnnouncement(text))
      expect(read.map((one) => one?.handles.length)).toEqual(sizes)
      expect(read.flatMap((one) => one?.handles)).toEqual(handles(count))
      expect(read.every((one) => one?.from === 'me' && one.by === 'limit')).toBe(true)
    }
  })

  test.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['without a sender', '{"by":"user","handles":[]}'],
    ['with a sender that is none', '{"from":7,"by":"user","handles":[]}'],
    ['without handles', '{"from":"me","by":"user"}'],
    ['with handles that are no list', '{"from":"me","by":"user","handles":"abc"}'],
    ['far too long', JSON.stringify({ from: 'me', by: 'user', handles: handles(1000) })],
  ])('that is none of ours is passed over: %s', (_, text) => {
    expect(decodeAnnouncement(text)).toBeUndefined()
  })

  test('of a version that knows more is understood as far as it goes', () => {
    const text = JSON.stringify({
      from: 'me',
      by: 'policy',
      since: 7,
      handles: [handleAt(1), 'short', 7, null, ['x'], `${handleAt(2)}\n`, handleAt(3)],
    })
    expect(decodeAnnouncement(text)).toEqual({
      from: 'me',
      by: 'admin',
      handles: [handleAt(1), handleAt(3)],
    })
  })
})

describe('revocations', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  /** An engine's end of a channel that the test holds the other end of. */
  function start(ready: Promise<void> = Promise.resolve(), store: Store = memoryStore()) {
    const sent: string[] = []
    let listener: ChannelListener | undefined
    let closed = 0
    const channel: Channel = {
      publish: async (text) => void sent.push(text),
      subscribe: (given) => {
        listener = given
        return { ready, close: async () => void closed++ }
      },
    }
    const events = new SessionEmitter()
    const background = new Set<Promise<unknown>>()
    const calls = new StoreCalls(store, events, 250)
    const engine = { events, calls, background, storeTimeout: 250 }
    const failed: SessionEvents['storeFailed'][0][] = []
    events.on('storeFailed', (event) => failed.push(event))
    const revoked: SessionEvents['revoked'][0][] = []
    events.on('revoked', (event) => revoked.push(event))
    const revocations = new Revocations(channel, engine)
    return {
      revocations,
      sent,
      failed,
      revoked,
      idle: () => backgroundDone(engine),
      hear: (text: string) => listener?.message(text),
      lose: () => listener?.lost(new Error('ECONNRESET')),
      closed: () => closed,
      channel,
      calls,
    }
  }

  test('of one turn of the event loop go together, by what ended them', async () => {
    const { revocations, sent, idle } = start()
    revocations.announce([], 'user')
    for (const handle of handles(150)) revocations.announce([handle], 'admin')
    await Promise.resolve()
    revocations.announce([handleAt(200)], 'owner')
    await idle()
    revocations.announce([handleAt(201)], 'owner')
    await idle()
    const read = sent.map((text) => decodeAnnouncement(text))
    expect(read.map((one) => [one?.by, one?.handles.length])).toEqual([
      ['admin', 100],
      ['admin', 50],
      ['owner', 1],
      ['owner', 1],
    ])
    expect(new Set(read.map((one) => one?.from)).size).toBe(1)
  })

  test('that could not be sent are told so, and those after them are sent', async () => {
    const { revocations, channel, sent, failed, idle } = start()
    const { publish } = channel
    channel.publish = () => Promise.reject(new Error('no'))
    revocations.announce([handleAt(1)], 'user')
    await idle()
    expect(failed.map(({ operation }) => operation)).toEqual(['publish'])
    channel.publish = publish
    revocations.announce([handleAt(2)], 'user')
    await idle()
    expect(sent.map((text) => decodeAnnouncement(text)?.handles)).toEqual([[handleAt(2)]])
  })

  test('that the store is not asked for are told so, and those after them are sent', async () => {
    const { revocations, calls, sent, failed, idle } = start()
    const open = vi.spyOn(calls.breaker, 'isOpen', 'get').mockReturnValue(true)
    revocations.announce([handleAt(1)], 'user')
    await idle()
    expect(failed.map(({ operation }) => operation)).toEqual(['publish'])
    open.mockRestore()
    revocations.announce([handleAt(2)], 'user')
    await idle()
    expect(sent.map((text) => decodeAnnouncement(text)?.handles)).toEqual([[handleAt(2)]])
  })

  test('that are sent once more say the same', async () => {
    vi.useRealTimers()
    const store = memoryStore()
    const loading = { ...store, health: { ...store.health!, faultOf: () => 'down' as const } }
    const { revocations, channel, sent, failed, idle } = start(undefined, loading)
    const { publish } = channel
    channel.publish = () => {
      channel.publish = publish
      return Promise.reject(new Error('LOADING'))
    }
    revocations.announce(handles(3), 'user')
    await idle()
    expect(failed).toEqual([])
    expect(sent.map((text) => decodeAnnouncement(text)?.handles)).toEqual([handles(3)])
  })

  test('of others are told, own ones and foreign texts are not', async () => {
    const { revocations, sent, idle, hear, revoked } = start()
    await revocations.listen()
    revocations.announce([handleAt(1)], 'user')
    await idle()
    for (const text of [...sent, 'hello', ...announcementsOf('other', 'limit', handles(2))])
      hear(text)
    expect(revoked).toEqual(
      handles(2).map((handle) => ({ handle, userId: undefined, by: 'limit', remote: true })),
    )
  })

  test('are listened to once, and again after that was ended', async () => {
    const { revocations, closed } = start()
    const [one, two] = await Promise.all([revocations.listen(), revocations.listen()])
    expect(one).toBe(two)
    await one()
    expect(closed()).toBe(1)
    const three = await revocations.listen()
    expect(three).not.toBe(one)
    await revocations.close()
    expect(closed()).toBe(2)
    await expect(revocations.listen()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('that cannot be listened to within five seconds are an error, and may be tried again', async () => {
    const { revocations, failed, closed } = start(new Promise(() => undefined))
    const listening = revocations.listen().catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(4999)
    expect(failed).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await listening).toMatchObject({ code: 'ERR_STORE_TIMEOUT' })
    expect(failed).toMatchObject([{ operation: 'listen' }])
    expect(closed()).toBe(1)
    revocations.listen().catch(() => undefined)
    await revocations.close()
    expect(closed()).toBe(2)
  })

  test('that the server refuses are an error, and a connection that is cut is told', async () => {
    const refused = start(Promise.reject(new Error('NOPERM')))
    await expect(refused.revocations.listen()).rejects.toMatchObject({ code: 'ERR_STORE' })
    const { revocations, lose, failed } = start()
    await revocations.listen()
    lose()
    expect(failed).toMatchObject([{ operation: 'listen', error: { code: 'ERR_STORE' } }])
  })
})
