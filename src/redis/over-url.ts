/** The way to a Redis whose url is all that is known: the store connects by itself. */
import { connect } from './connect.ts'
import type { Connection } from './connect.ts'
import { driverOf } from './driver.ts'
import type { Driver } from './driver.ts'
import { subscribeLater } from './subscribe.ts'

/** Connects at once, so that no request waits for it; what goes wrong is the error of every command, and tried again. */
export function overUrl(url: string): [Driver, () => Promise<void>] {
  let connection: Promise<Connection> | undefined
  let driver: Driver | undefined
  let isClosed = false
  const open = async (): Promise<Driver> => {
    if (isClosed) throw new Error('The store was closed.')
    connection ??= connect(url)
    connection.catch(() => {
      connection = undefined
    })
    return driverOf((await connection).client)
  }
  open().catch(() => undefined)
  return [
    {
      send: async (key, isReadonly, args) => {
        driver ??= await open()
        return driver.send(key, isReadonly, args)
      },
      get: async (key) => {
        driver ??= await open()
        return driver.get(key)
      },
      subscribe: (channel, listener) => subscribeLater(open(), channel, listener),
      track: async (prefix, channel, hear) => (await open()).track(prefix, channel, hear),
      sendAlong: async (key, args) => {
        driver ??= await open()
        return driver.sendAlong(key, args)
      },
      aside: async () => (await open()).aside(),
      facts: async () => (await open()).facts(),
      isCluster: false,
    },
    async () => {
      isClosed = true
      const opened = await connection?.catch(() => undefined)
      await opened?.close()
    },
  ]
}
