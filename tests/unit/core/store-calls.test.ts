import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Waits } from '../../../src/core/deadline.ts'
import { SessionEmitter } from '../../../src/core/events.ts'
import type { SessionEvents } from '../../../src/core/events.ts'
import { StoreCalls } from '../../../src/core/store-calls.ts'
import type { Fault } from '../../../src/core/store-health.ts'
import { memoryStore } from '../../../src/memory/index.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const never = (): Promise<never> => new Promise(() => undefined)
const refuse = (fault: Fault) => (): Promise<never> => Promise.reject(new Error(fault))
const after = (ms: number) => (): Promise<string> =>
  new Promise((resolve) => setTimeout(() => resolve('reply'), ms))

/** Lets the polls pass that a deadline waits for. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    await vi.advanceTimersByTimeAsync(Math.min(10, ms - passed))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Calls to a store that is up or down at will; an error's message says what it means. */
function start() {
  const events = new SessionEmitter()
  const told: string[] = []
  const failed: string[] = []
  const tell = (name: 'breakerOpened' | 'breakerClosed') =>
    events.on(name, () => void told.push(name))
  tell('breakerOpened')
  tell('breakerClosed')
  events.on('storeFailed', ({ error }: SessionEvents['storeFailed'][0]) => failed.push(error.code))
  let pings = 0
  let answer: () => Promise<unknown> = never
  const health = {
    ping: () => {
      pings++
      return answer()
    },
    examine: async () => [],
    faultOf: (error: unknown) => (error as Error).message as Fault,
  }
  const calls = new StoreCalls({ ...memoryStore(), health }, events, 250)
  const ask = <Reply>(work: () => Promise<Reply>, waits?: Waits, isRepeatable = false) =>
    calls.ask({ storeTimeout: 250, waits }, 'load', work, isRepeatable)
  const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      (reply) => reply,
      (error: unknown) => (error as { code: string }).code,
    )
  return {
    calls,
    told,
    failed,
    ask,
    codeOf,
    pings: () => pings,
    recover: () => void (answer = async () => 'PONG'),
  }
}

describe('a call to the store', () => {
  test('is waited for as long as storeTimeout and no longer', async () => {
    const { ask, codeOf, failed } = start()
    const late = codeOf(ask(never))
    await pass(240)
    expect(failed).toEqual([])
    await pass(20)
    expect(await late).toBe('ERR_STORE_TIMEOUT')
    const inTime = codeOf(ask(after(240)))
    await pass(250)
    expect(await inTime).toBe('reply')
  })

  test('shares the time of its request with the other calls, of which only the waiting counts', async () => {
    const { ask, codeOf } = start()
    const waits = new Waits()
    const first = ask(after(200), waits)
    await pass(200)
    await first
    const second = codeOf(ask(after(100), waits))
    await pass(60)
    expect(await second).toBe('ERR_STORE_TIMEOUT')
    // The handler works for a while, and the save has its time again.
    await pass(10_000)
    const save = codeOf(ask(after(200), waits))
    await pass(210)
    expect(await save).toBe('reply')
  })

  test('that waits beside another one of its request takes no time of its own', async () => {
    const { ask, codeOf } = start()
    const waits = new Waits()
    const both = Promise.all([ask(after(150), waits), ask(after(150), waits)])
    await pass(150)
    await both
    const third = codeOf(ask(after(80), waits))
    await pass(90)
    expect(await third).toBe('reply')
  })

  test('is not late because this process was busy', async () => {
    const { ask, codeOf } = start()
    const asked = codeOf(ask(after(600)))
    // The timer that should have looked after 50 ms comes 500 ms late; no reply could be read till then.
    await vi.advanceTimersByTimeAsync(40)
    performance.now = (
      (real) => () =>
        real() + 500
    )(performance.now.bind(performance))
    await pass(100)
    expect(await Promise.race([asked, Promise.resolve('still waits')])).toBe('still waits')
    await pass(500)
    expect(await asked).toBe('ERR_STORE_TIMEOUT')
  })

  test('takes no time of its request while this process is busy, though the reply is read before any timer', async () => {
    const { ask, codeOf } = start()
    const waits = new Waits()
    let reply: (text: string) => void = () => undefined
    const read = ask(() => new Promise<string>((resolve) => (reply = resolve)), waits)
    await pass(20)
    // One poll: a handler that works for 400 ms, then the reply.
    performance.now = (
      (real) => () =>
        real() + 400
    )(performance.now.bind(performance))
    reply('reply')
    expect(await read).toBe('reply')
    const save = codeOf(ask(after(150), waits))
    await pass(160)
    expect(await save).toBe('reply')
  })

  test('that has no time left fails at once', async () => {
    const { ask, codeOf, calls } = start()
    const waits = new Waits()
    let asked = 0
    const both = codeOf(ask(never, waits)).then(async (first) => [
      first,
      await codeOf(ask(async () => asked++, waits)),
      calls.waiting,
    ])
    await pass(260)
    expect(await both).toEqual(['ERR_STORE_TIMEOUT', 'ERR_STORE_TIMEOUT', 0])
    expect(asked).toBe(0)
  })

  test('is repeated once where nothing was done, or where it may be done twice', async () => {
    const { ask, codeOf } = start()
    const flaky = (fault: Fault) => {
      let runs = 0
      return {
        runs: () => runs,
        work: () => (++runs === 1 ? refuse(fault)() : Promise.resolve('reply')),
      }
    }
    const outcomes: unknown[] = []
    for (const fault of ['down', 'passing', 'lost', 'refused'] as const) {
      for (const isRepeatable of [false, true]) {
        const { work, runs } = flaky(fault)
        const asked = codeOf(ask(work, undefined, isRepeatable))
        await pass(100)
        outcomes.push([fault, isRepeatable, await asked, runs()])
      }
    }
    expect(outcomes).toEqual([
      ['down', false, 'reply', 2],
      ['down', true, 'reply', 2],
      ['passing', false, 'reply', 2],
      ['passing', true, 'reply', 2],
      ['lost', false, 'ERR_STORE', 1],
      ['lost', true, 'reply', 2],
      ['refused', false, 'ERR_STORE', 1],
      ['refused', true, 'ERR_STORE', 1],
    ])
  })

  test('is not repeated more than once, nor when its time would be up, nor for a tenth of all calls', async () => {
    const { ask, codeOf, calls } = start()
    let runs = 0
    const failing = (): Promise<never> => {
      runs++
      return refuse('passing')()
    }
    const asked = codeOf(ask(failing))
    await pass(200)
    expect([await asked, runs]).toEqual(['ERR_STORE', 2])
    runs = 0
    const late = codeOf(ask(() => after(200)().then(failing)))
    await pass(250)
    expect([await late, runs]).toEqual(['ERR_STORE', 1])
    runs = 0
    const many = Array.from({ length: 100 }, () => codeOf(ask(failing)))
    await pass(200)
    await Promise.all(many)
    expect(runs - 100).toBeLessThanOrEqual(20)
    expect(runs - 100).toBeGreaterThanOrEqual(10)
    expect(calls.breaker.state).toBe('closed')
  })

  test('ends with ERR_CLOSED when the sessions are closed, and so does a later one', async () => {
    const { ask, codeOf, calls } = start()
    const asked = codeOf(ask(never))
    calls.close()
    expect(await asked).toBe('ERR_CLOSED')
    expect(await codeOf(ask(after(0)))).toBe('ERR_CLOSED')
  })

  test('that fails after its deadline is no rejection of anybody', async () => {
    const { ask, codeOf } = start()
    const asked = codeOf(
      ask(() => new Promise((_, reject) => setTimeout(() => reject(new Error('lost')), 400))),
    )
    await pass(500)
    expect(await asked).toBe('ERR_STORE_TIMEOUT')
  })
})

describe('the breaker', () => {
  test('opens after five failures in a row, and closes when a probe is answered', async () => {
    const { ask, codeOf, calls, told, pings, recover } = start()
    const fail = async (): Promise<void> => void (await codeOf(ask(refuse('lost'))))
    for (let failures = 0; failures < 4; failures++) await fail()
    await codeOf(ask(async () => 'an answer in between'))
    await pass(110)
    for (let failures = 0; failures < 4; failures++) await fail()
    await pass(10)
    expect([calls.breaker.state, told]).toEqual(['closed', []])
    await fail()
    await pass(10)
    expect([calls.breaker.state, told]).toEqual(['open', ['breakerOpened']])
    let asked = 0
    expect(await codeOf(ask(async () => asked++))).toBe('ERR_STORE_UNAVAILABLE')
    expect(asked).toBe(0)
    await pass(2000)
    // One question at a time: the first has not been answered yet.
    expect([pings(), calls.breaker.isOpen]).toEqual([1, true])
    recover()
    await pass(3000)
    expect([calls.breaker.state, told]).toEqual(['closed', ['breakerOpened', 'breakerClosed']])
    expect(await codeOf(ask(async () => 'reply'))).toBe('reply')
  })

  test('is half-open while a probe is under way', async () => {
    const { ask, codeOf, calls } = start()
    for (let failures = 0; failures < 5; failures++) await codeOf(ask(refuse('lost')))
    await pass(400)
    expect(calls.breaker.state).toBe('half-open')
    expect(await codeOf(ask(async () => 'reply'))).toBe('ERR_STORE_UNAVAILABLE')
  })

  test('opens for answers that do not come', async () => {
    const { ask, codeOf, calls } = start()
    const asked = Array.from({ length: 5 }, () => codeOf(ask(never)))
    await pass(300)
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 5 }, () => 'ERR_STORE_TIMEOUT'))
    expect(calls.breaker.isOpen).toBe(true)
  })

  test('does not open where a part of a store is silent or gone and the rest answers', async () => {
    const { ask, codeOf, calls } = start()
    await codeOf(ask(async () => 'reply'))
    for (let turn = 0; turn < 40; turn++) {
      for (let call = 0; call < 6; call++) {
        void codeOf(ask(never))
        void codeOf(ask(refuse('lost')))
      }
      expect(await codeOf(ask(async () => 'reply'))).toBe('reply')
      await pass(50)
    }
    expect(calls.breaker.state).toBe('closed')
  })

  test('does not open for requests that have no time left, nor for what a working store refuses', async () => {
    const { ask, codeOf, calls } = start()
    for (let requests = 0; requests < 10; requests++) {
      const waits = new Waits()
      const first = ask(after(200), waits)
      await pass(200)
      await first
      const second = codeOf(ask(after(100), waits))
      await pass(100)
      expect(await second).toBe('ERR_STORE_TIMEOUT')
      await codeOf(ask(refuse('refused')))
      const passing = codeOf(ask(refuse('passing')))
      await pass(100)
      await passing
    }
    expect(calls.breaker.state).toBe('closed')
  })

  test('probes no more when the sessions are closed', async () => {
    const { ask, codeOf, calls, pings } = start()
    for (let failures = 0; failures < 5; failures++) await codeOf(ask(refuse('lost')))
    await pass(10)
    calls.close()
    await pass(5000)
    expect(pings()).toBe(0)
  })
})

test('while nothing is answered so many calls wait and the rest is refused', async () => {
  const { ask, codeOf, calls } = start()
  const waiting = Array.from({ length: 300 }, () => codeOf(ask(never)))
  // Nobody can tell yet that the store is slow.
  expect(calls.waiting).toBe(300)
  await pass(120)
  expect(await codeOf(ask(never))).toBe('ERR_STORE_UNAVAILABLE')
  expect(calls.waiting).toBe(300)
  await pass(300)
  await Promise.all(waiting)
  expect(calls.waiting).toBe(0)
})
