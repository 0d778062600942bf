/** The names of keys, as docs/data-in-redis.md lists them: released names never change. */
import { describe, expect, test } from 'vitest'
import type { Handle } from '../../../src/core/id.ts'
import type { ReferenceKey } from '../../../src/core/references.ts'
import type { UserKey } from '../../../src/core/user.ts'
import {
  activityKey,
  admissionKeys,
  adoptionKeys,
  barKey,
  beatChannel,
  checkedPrefix,
  handleOfKey,
  indexKey,
  keysOf,
  markerKey,
  memberOf,
  namespaceName,
  namespacesKey,
  pinKey,
  referenceIndexKey,
  revokedChannel,
  sessionKey,
  shardOf,
  SHARDS,
} from '../../../src/redis/keys.ts'

const [a, b] = ['a'.repeat(22), 'b'.repeat(22)]
const handle = `AbC${a}` as Handle
const owner = 'AbCuser' as UserKey
const stranger = 'XyZuser' as UserKey
const tombstone = { document: '', ttl: 1 }

test('a session lies under the rest of its handle, in the slot of its tag', () => {
  expect(sessionKey('hs:', handle)).toBe(`hs:{AbC}:${a}`)
  expect(handleOfKey('hs:', `hs:{AbC}:${a}`)).toBe(handle)
  expect(memberOf(handle)).toBe(a)
})

test.each([
  'hs:{AbC}:u:user',
  `hs:{AbC}:p:${a}`,
  `hs:{AbC}${a}`,
  `hs:AbC:${a}`,
  `hs:(AbC}:${a}`,
  `hs:{AbC):${a}`,
  `hs:{AbC}:${a}x`,
  'hs:',
  '',
])('%j is no key of a session', (key) => {
  expect(handleOfKey('hs:', key)).toBeUndefined()
})

test('what belongs to a user lies in the slot of the sessions', () => {
  expect(indexKey('hs:', owner)).toBe('hs:{AbC}:u:user')
  expect(barKey('hs:', owner)).toBe('hs:{AbC}:b:user')
  expect(keysOf('hs:', handle, undefined)).toEqual([`hs:{AbC}:${a}`])
  expect(keysOf('hs:', handle, owner)).toEqual([`hs:{AbC}:${a}`, 'hs:{AbC}:u:user'])
})

test('what is known of a session that was taken over', () => {
  const own = [`hs:{AbC}:${a}`, `hs:{AbC}:m:${a}`]
  expect(pinKey('hs:', 'defname')).toBe('hs:{def}:p:name')
  expect(adoptionKeys('hs:', handle, undefined)).toEqual(own)
  expect(adoptionKeys('hs:', handle, owner)).toEqual([...own, 'hs:{AbC}:u:user', 'hs:{AbC}:b:user'])
})

test('an admission names what the session before leaves, where that lies in the same slot', () => {
  const own = [`hs:{AbC}:${a}`, 'hs:{AbC}:u:user']
  const before = { handle: `AbC${b}` as Handle, owner, tombstone }
  expect(admissionKeys('hs:', handle, { owner, before: undefined })).toEqual(own)
  expect(admissionKeys('hs:', handle, { owner, before })).toEqual([
    ...own,
    `hs:{AbC}:${b}`,
    'hs:{AbC}:u:user',
  ])
  const elsewhere = { handle: `XyZ${b}` as Handle, owner: stranger, tombstone }
  expect(admissionKeys('hs:', handle, { owner, before: elsewhere })).toEqual([
    ...own,
    `hs:{AbC}:o:XyZ${b}`,
  ])
})

test('the others', () => {
  expect(markerKey('hs:', 'AbC', 'name')).toBe('hs:{AbC}:c:name')
  expect(referenceIndexKey('hs:', 'AbCreference' as ReferenceKey)).toBe('hs:{AbC}:r:reference')
  expect(revokedChannel('hs:')).toBe('hs:revoked')
  expect(beatChannel('hs:', 'name')).toBe('hs:beat:name')
  expect(new Set(SHARDS).size).toBe(64)
  expect([shardOf(handle), shardOf(owner)]).toEqual(['A', 'A'])
  expect(namespacesKey('hs:', 'A')).toBe('hs:{aA}:a')
  expect(activityKey('hs:{aA}:a', 'app', 'sessions')).toBe('hs:{aA}:a:app:s')
  expect(activityKey('hs:{aA}:a', 'app', 'users')).toBe('hs:{aA}:a:app:u')
})

describe('a namespace', () => {
  test.each(['app', 'a.b-c_1', 'x'.repeat(64)])('%s is its own name', (name) => {
    expect(namespaceName(name)).toBe(name)
  })
  test.each(['', 'a b', 'a:b', 'ä', 'x'.repeat(65), 'a\n'])('%j gets another one', (name) => {
    expect(namespaceName(name)).toMatch(/^~[\w-]{22}$/)
    expect(namespaceName(name)).toBe(namespaceName(name))
  })
})

describe('a prefix', () => {
  test.each(['', 'hs:', 'my.app_1-x:', 'x'.repeat(64)])('%j is taken', (prefix) => {
    expect(checkedPrefix(prefix)).toBe(prefix)
  })
  test.each(['{a}', 'a b', 'a,b', 'x'.repeat(65), 'hs:\n', 5, null])('%j is refused', (prefix) => {
    expect(() => checkedPrefix(prefix as string)).toThrow(/prefix must be at most 64/)
  })
})
