/** A user of Redis with no more rights than docs/data-in-redis.md names. */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'

const docs = readFileSync(new URL('../../docs/data-in-redis.md', import.meta.url), 'utf8')
const [, documented = ''] = /^ACL SETUSER app on >password (.+)$/m.exec(docs) ?? []

export const login = { username: 'app', password: 'password' } as const

/** `keys`: what keys and channels begin with, in place of `hs:`; a pattern, so that `?` are all. */
export async function addRestrictedUser(
  port: number,
  keys = 'hs:',
  username: string = login.username,
): Promise<void> {
  const rights = documented.replace('~hs:', `~${keys}`).replace('&hs:', `&${keys}`).split(' ')
  const admin = new Redis({ host: '127.0.0.1', port })
  try {
    await admin.call('ACL', 'SETUSER', username, 'on', `>${login.password}`, ...rights)
  } finally {
    admin.disconnect()
  }
}
