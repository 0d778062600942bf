import { describe, expect, test } from 'vitest'
import { driverOf } from '../../../src/redis/driver.ts'

/** A client of ioredis as far as sending goes. */
function client(status: string) {
  const sent: string[] = []
  const call = async (name: string): Promise<string> => {
    sent.push(name)
    return 'OK'
  }
  return { status, call, sent, isCluster: true }
}

describe('a command', () => {
  test('is not sent without a connection, and fails soon', async () => {
    const lost = client('ready')
    const driver = driverOf(lost)
    await driver.send('k', false, ['SET', 'k'])
    lost.status = 'reconnecting'
    const began = performance.now()
    const failures = await Promise.allSettled([
      driver.send('k', false, ['SET', 'k']),
      driver.get('k'),
      driver.sendAlong('k', ['PING']),
    ])
    expect(failures).toMatchObject(
      Array.from({ length: 3 }, () => ({ reason: { code: 'ERR_STORE' } })),
    )
    expect(lost.sent).toEqual(['set'])
    // Generous: it is the feature that nobody waits for long.
    expect(performance.now() - began).toBeLessThan(1000)
    lost.status = 'ready'
    expect(await driver.send('k', false, ['DEL', 'k'])).toBe('OK')
  })

  test('waits for a connection that is on its way', async () => {
    const connecting = client('connecting')
    const sending = driverOf(connecting).send('k', false, ['SET', 'k'])
    expect(connecting.sent).toEqual([])
    connecting.status = 'ready'
    expect(await sending).toBe('OK')
  })

  test('makes a lazy client connect', async () => {
    const lazy = client('wait')
    expect(await driverOf(lazy).send('k', false, ['SET', 'k'])).toBe('OK')
  })
})
