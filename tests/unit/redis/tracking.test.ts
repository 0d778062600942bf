import { expect, onTestFinished, test } from 'vitest'
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
