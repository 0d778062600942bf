import { expect, onTestFinished, test, vi } from 'vitest'
import { elapsed } from '../../../src/core/elapsed.ts'
import type { Driver } from '../../../src/redis/driver.ts'
import type { Hear } from '../../../src/redis/tracking-connection.ts'
import { Tracking } from '../../../src/redis/tracking.ts'

/** A tracking whose line to Redis is the test. */
async function start() {
  const sent: string[] = []
  let hear: Hear | undefined
  const driver: Pick<Driver, 'send' | 'track'> = {
    send: async (_key, _isReadonly, [, , text = '']) => void sent.push(text),
    track: async (_prefix, _channel, given) => {
      hear = given
      return { close: () => undefined }
    },
  }
  const listener = { changed: () => undefined, lost: () => undefined }
  const tracking = new Tracking(driver as Driver, 'hs:', listener, 60_000)
  onTestFinished(() => tracking.close())
  await expect.poll(() => sent).toHaveLength(1)
  return { tracking, proof: sent[0] ?? '', hear: (text: string) => hear?.message(text) }
}

test('a proof counts from its sending, however late it is heard', async () => {
  const { tracking, proof, hear } = await start()
  expect(tracking.completeUntil).toBe(-Infinity)
  await expect.poll(() => elapsed() - Number(proof)).toBeGreaterThan(1)
  hear(proof)
  expect(tracking.completeUntil).toBe(Number(proof))
})

test('nothing that anybody publishes proves the future, or takes a proof back', async () => {
  const { tracking, proof, hear } = await start()
  hear(proof)
  for (const text of [String(elapsed() + 60_000), 'Infinity', 'NaN', '', '0', '-1']) hear(text)
  expect(tracking.completeUntil).toBe(Number(proof))
})

test('is tried again after ever longer pauses where it is refused', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  let attempts = 0
  const driver: Pick<Driver, 'send' | 'track'> = {
    send: async () => undefined,
    track: async () => {
      attempts++
      throw new Error('NOPERM this user has no permissions to run the "client|tracking" command')
    },
  }
  let told = 0
  const listener = { changed: () => undefined, lost: () => void told++ }
  const tracking = new Tracking(driver as Driver, 'hs:', listener, 250)
  onTestFinished(() => tracking.close())
  await vi.advanceTimersByTimeAsync(1000)
  expect(attempts).toBe(3)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(attempts).toBeLessThan(30)
  expect(attempts).toBeGreaterThan(20)
  expect(told).toBe(1)
})
