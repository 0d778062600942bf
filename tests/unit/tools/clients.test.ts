import { describe, expect, test } from 'vitest'
import { driverOf } from '../../../src/redis/driver.ts'
import { clientRows } from '../../support/clients.ts'
import { freshPrefix } from '../../support/redis.ts'

describe.each(clientRows)('$title', ({ connect }) => {
  test('writes to the servers of the run and reads back what it wrote', async () => {
    const key = `${freshPrefix()}key`
    const { client, close } = await connect()
    const { send } = driverOf(client)

    expect(await send(key, false, ['SET', key, 'stamp', 'PX', '60000'])).toBe('OK')
    expect(String(await send(key, false, ['GET', key]))).toBe('stamp')

    await close()
  })
})
