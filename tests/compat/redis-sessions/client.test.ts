/** Which client the engine opens for which options; the packages are stand-ins that note what they were given. */
import { describe, expect, test } from 'vitest'
import { optionError } from '../../../src/core/errors.ts'
import { openClient } from '../../../src/compat/redis-sessions/connection.ts'
import { RedisSessions } from 'handstamp/compat/redis-sessions'

function opened(target: Parameters<typeof openClient>[0], installed: string): unknown[] {
  let given: unknown[] = []
  const note = (...args: unknown[]): void => {
    given = args
  }
  // Called with new.
  function Redis(...args: unknown[]): void {
    note(...args)
  }
  const createClient = (...args: unknown[]): object => {
    note(...args)
    return { on: () => undefined, connect: async () => undefined }
  }
  openClient(target, (name) => {
    if (name !== installed) throw optionError('not installed')
    return { Redis, createClient, createCluster: createClient }
  })
  return given
}

const soon = { maxRetriesPerRequest: 1, enableAutoPipelining: true }

describe.each(['ioredis', 'iovalkey'])('with %s', (name) => {
  test.each([
    [{}, [{ ...soon, host: '127.0.0.1', port: 6379 }]],
    [{ host: 'db', port: 1 }, [{ ...soon, host: 'db', port: 1 }]],
    [{ options: { url: 'redis://u:p@db:1/2' } }, ['redis://u:p@db:1/2', soon]],
    [
      { options: { auth_pass: 'p', db: 3, connect_timeout: 50, prefix: 'x:', family: 4 } },
      [
        {
          ...soon,
          host: '127.0.0.1',
          port: 6379,
          password: 'p',
          db: 3,
          connectTimeout: 50,
          family: 4,
        },
      ],
    ],
    [
      {
        port: 2,
        options: { socket: { host: 'db', port: 1, tls: true }, database: 4, username: 'u' },
      },
      [{ ...soon, host: 'db', port: 2, tls: true, db: 4, username: 'u' }],
    ],
    [
      { options: { host: 'db', port: 5, path: '/run/r' } },
      [{ ...soon, host: 'db', port: 5, path: '/run/r' }],
    ],
    [
      { options: { maxRetriesPerRequest: 7 } },
      [{ ...soon, maxRetriesPerRequest: 7, host: '127.0.0.1', port: 6379 }],
    ],
  ])('%j', (target, expected) => {
    expect(opened(target, name)).toEqual(expected)
  })
})

describe('with redis', () => {
  test.each([
    [{}, [{ socket: { host: '127.0.0.1', port: 6379 } }]],
    [{ options: { url: 'redis://db:1' } }, [{ url: 'redis://db:1' }]],
    [
      { host: 'db', options: { password: 'p', db: 3, tls: true, RESP: 3 } },
      [{ RESP: 3, password: 'p', database: 3, socket: { host: 'db', port: 6379, tls: true } }],
    ],
    [{ options: { socket: { host: 'db', port: 1 } } }, [{ socket: { host: 'db', port: 1 } }]],
  ])('%j', (target, expected) => {
    expect(opened(target, 'redis')).toEqual(expected)
  })
})

test('without any client the error says what to install', () => {
  expect(() => opened({}, 'none')).toThrow(/npm install ioredis/)
})

test('what is no client is refused', () => {
  expect(() => new RedisSessions({ client: {} as never })).toThrow(/client/)
})

describe('with node_redis 2 or 3, which call back', () => {
  const old = { createClient: () => expect.fail('made a client') }

  test('the next package is taken', () => {
    const made = {}
    // Called with new.
    const Redis = function open(): object {
      return made
    }
    const client = openClient({}, (name) => {
      if (name === 'ioredis') throw optionError('not installed')
      return name === 'redis' ? old : { Redis }
    })
    expect(client).toBe(made)
  })

  test('and no other the error names the version', () => {
    const load = (name: string): unknown => {
      if (name !== 'redis') throw optionError('not installed')
      return old
    }
    expect(() => openClient({}, load)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringContaining('redis 5 or later') as string,
      }),
    )
  })
})
