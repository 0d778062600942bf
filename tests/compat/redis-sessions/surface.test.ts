/** The guide has a row for every item of the original's surface, and a test that speaks of it. */
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { freshPrefix } from '../../support/redis.ts'
import { RedisSessions2, RedisSessions3, RedisSessions4, startOurs } from './engines.ts'

const SURFACE =
  'port host options namespace wipe client cachetime cachemax ' +
  'create get set kill killall killsoid activity soapp soid ping quit ' +
  'dt deltaTime ttl no_resave _noupdate _nocache ' +
  'missingParameter invalidFormat invalidValue ' +
  'connect disconnect error connected redis default module.exports'

const page = new URL('../../../docs/moving-over/redis-sessions.md', import.meta.url)
const [, table = ''] = /## What is covered\n(.*?)\n## /s.exec(readFileSync(page, 'utf8')) ?? []
const rows = Array.from(
  table.matchAll(/^\| `([^`]+)` +\|.*\]\((.*?)\) *\|$/gm),
  ([, name = '', file = '']) => ({ name, file }),
)

test('the table of the guide is whole', () => {
  const names = rows.map(({ name }) => name)
  expect(SURFACE.split(' ').filter((name) => !names.includes(name))).toEqual([])
})

test.each(rows)('$name is in the test that the guide names', ({ name, file }) => {
  const text = readFileSync(new URL(file, page), 'utf8')
  // `require('…')` is what module.exports is seen by.
  expect(text.includes(name === 'module.exports' ? 'require(' : name)).toBe(true)
})

test('every public method of the originals is here', () => {
  const methodsOf = (Original: { prototype: object }): string[] => {
    return Object.getOwnPropertyNames(Original.prototype).filter((name) => /^[a-z]+$/.test(name))
  }
  const rs = startOurs(`${freshPrefix()}s`) as unknown as Record<string, unknown>
  const found = [RedisSessions2, RedisSessions3, RedisSessions4].flatMap((Original) =>
    methodsOf(Original as unknown as { prototype: object }),
  )
  // Constructor, and what 4.0 has for itself: TypeScript calls these private.
  const own = ['constructor', 'connect', 'subscribe']
  const missing = new Set(
    found.filter((name) => !own.includes(name) && typeof rs[name] !== 'function'),
  )
  expect([...missing]).toEqual([])
  expect(found.length).toBeGreaterThan(30)
})

test('the class is an event emitter', () => {
  expect(startOurs(`${freshPrefix()}s`)).toBeInstanceOf(EventEmitter)
})
