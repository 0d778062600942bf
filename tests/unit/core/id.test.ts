/** Ids and handles: unguessable, never the same twice, and what a custom generator must bring along. */
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  asHandle,
  asSessionId,
  handleOf,
  newSessionId,
  randomSecret,
  randomTag,
  randomText,
  refuseWeakIds,
  tagOf,
} from '../../../src/core/id.ts'
import type { GenerateId } from '../../../src/core/id.ts'
import { createSessions } from '../../../src/index.ts'
import { Visitor } from '../../support/visitor.ts'

const weak = expect.objectContaining({
  code: 'ERR_WEAK_ID',
  message: expect.stringContaining("crypto.randomBytes(32).toString('base64url')"),
})

describe('an id', () => {
  test('is 256 random bits behind a tag, and 100,000 of them are all different', async () => {
    const ids = new Set<string>()
    const handles = new Set<string>()
    for (let count = 0; count < 100_000; count++) {
      const id = await newSessionId(randomTag(), randomSecret, undefined)
      ids.add(id)
      handles.add(handleOf(id))
    }
    expect(ids.size).toBe(100_000)
    expect(handles.size).toBe(100_000)
    const [id = ''] = ids
    expect(Buffer.from(id.slice(3), 'base64url')).toHaveLength(32)
  })

  test('uses every bit of its random part', async () => {
    const ones = Buffer.alloc(32)
    const zeros = Buffer.alloc(32)
    for (let count = 0; count < 1000; count++) {
      const id = await newSessionId(randomTag(), randomSecret, undefined)
      const bytes = Buffer.from(id.slice(3), 'base64url')
      for (const [at, byte] of bytes.entries()) {
        ones[at] = (ones[at] ?? 0) | byte
        zeros[at] = (zeros[at] ?? 0) | (byte ^ 255)
      }
    }
    expect(ones).toEqual(Buffer.alloc(32, 255))
    expect(zeros).toEqual(Buffer.alloc(32, 255))
  })

  test('and its handle share the tag, and nothing else of the id is in the handle', async () => {
    const id = await newSessionId('abc', randomSecret, undefined)
    const handle = handleOf(id)
    expect([tagOf(id), tagOf(handle)]).toEqual(['abc', 'abc'])
    expect(asHandle(handle)).toBe(handle)
    expect(handleOf(id)).toBe(handle)
    for (let at = 3; at + 6 <= id.length; at++)
      expect(handle.slice(3)).not.toContain(id.slice(at, at + 6))
  })

  test('has a tag from all over the slots of a cluster', () => {
    const tags = new Set(Array.from({ length: 20_000 }, randomTag))
    expect(tags.size).toBeGreaterThan(18_000)
    for (const tag of tags) expect(tag).toMatch(/^[\w-]{3}$/)
  })

  test.each([
    ['empty', ''],
    ['too short', 'a'.repeat(24)],
    ['too long', 'a'.repeat(161)],
    ['with a dot', `${'a'.repeat(30)}.`],
    ['with a space', `${'a'.repeat(30)} `],
    ['with a line break at the end', `${'a'.repeat(30)}\n`],
    ['with a quote', `"${'a'.repeat(30)}"`],
    ['with a brace, which would move its slot', `{a}${'a'.repeat(30)}`],
    ['with a letter outside of ASCII', `ä${'a'.repeat(30)}`],
    ['with a null character', `${'a'.repeat(30)}\0`],
  ])('%s is no id', (_title, text) => {
    expect(asSessionId(text)).toBeUndefined()
    expect(asHandle(text)).toBeUndefined()
  })

  test('is no handle, and a handle of another length is none', () => {
    expect(asHandle('a'.repeat(46))).toBeUndefined()
    expect(asHandle('a'.repeat(24))).toBeUndefined()
    expect(asHandle('a'.repeat(25))).toBe('a'.repeat(25))
  })
})

test('revisions of one session do not repeat', () => {
  const revisions = new Set(Array.from({ length: 50_000 }, () => randomText(6)))
  expect(revisions.size).toBeGreaterThan(49_900)
  for (const revision of revisions) expect(revision).toMatch(/^[\w-]{6}$/)
})

let count = 0
const weakGenerators: [title: string, generate: () => unknown][] = [
  ['a constant', () => 'Xq3vN8rT5wY1zB7kM2pL9s'],
  ['a counter', () => String(count++).padStart(32, '0')],
  ['a counter behind a constant', () => `Xq3vN8rT5wY1zB7kM2pL9s${count++}`],
  ['a counter before a constant', () => `${count++}Xq3vN8rT5wY1zB7kM2pL9s`],
  ['the time', () => `session-${Date.now()}-session-session`],
  ['something too short', () => randomBytes(15).toString('base64url')],
  ['something too long', () => randomBytes(120).toString('base64url')],
  ['the number of Math.random', () => Math.random().toString(36).slice(2)],
  ['too few different characters', () => randomBytes(6).toString('hex').replaceAll(/./g, bits)],
  ['characters that a cookie cannot hold', () => `${randomBytes(32).toString('latin1')};=`],
  ['padded base64', () => randomBytes(32).toString('base64')],
  ['bytes', () => randomBytes(32)],
  ['a number', () => 5],
  ['nothing', () => undefined],
  ['null', () => null],
]

describe('a generator of ids', () => {
  test.each(weakGenerators)('that yields %s is refused at construction', (_title, generate) => {
    // A number of draws, as createSessions does.
    const drawn = Array.from({ length: 8 }, generate)
    expect(() => refuseWeakIds(drawn)).toThrow(weak)
  })

  test.each(weakGenerators)(
    'that promises %s is refused where the first session is made',
    async (_title, generate) => {
      const sessions = createSessions({ generateId: async () => generate() as string })
      const visitor = new Visitor(sessions)
      await expect(visitor.visit((session) => void (session['a'] = 1))).rejects.toThrow(weak)
      expect(visitor.cookie).toBeUndefined()
    },
  )

  test.each<[string, GenerateId]>([
    ['256 random bits', () => randomBytes(32).toString('base64url')],
    ['128 random bits', () => randomBytes(16).toString('base64url')],
    ['random UUIDs', () => randomUUID()],
    ['hexadecimal text', () => randomBytes(24).toString('hex')],
    ['a promise of 256 random bits', async () => randomBytes(32).toString('base64url')],
  ])('that yields %s is accepted, and its ids are used', async (_title, generate) => {
    const made: string[] = []
    const sessions = createSessions({
      generateId: async (request) => {
        const text = await generate(request)
        made.push(text)
        return text
      },
    })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session['a'] = 1))
    expect(visitor.cookie).toContain(made.at(-1))
    expect(await visitor.visit((session) => session['a'])).toBe(1)
  })

  test('that yields weak text only later is refused then', async () => {
    let draws = 0
    const generateId = (): string =>
      draws++ < 8 ? randomBytes(32).toString('base64url') : 'too-short'
    const visitor = new Visitor(createSessions({ generateId }))
    await expect(visitor.visit((session) => void (session['a'] = 1))).rejects.toThrow(weak)
  })

  test('that falls into a loop later never makes two visitors share a session', async () => {
    let draws = 0
    const loop = randomBytes(32).toString('base64url')
    const generateId = (): string => (draws++ < 8 ? randomBytes(32).toString('base64url') : loop)
    const sessions = createSessions({ generateId })
    const visitors = Array.from({ length: 20 }, () => new Visitor(sessions))
    for (const [at, visitor] of visitors.entries())
      await visitor.visit((session) => void (session['at'] = at))
    const seen = await Promise.all(visitors.map((visitor) => visitor.visit(({ at }) => at)))
    expect(seen).toEqual(visitors.map((_, at) => at))
  })

  test('is given the request', async () => {
    const requests: unknown[] = []
    const sessions = createSessions({
      generateId: (request) => {
        requests.push(request)
        return randomBytes(32).toString('base64url')
      },
    })
    await new Visitor(sessions).visit((session) => void (session['a'] = 1))
    expect(requests.at(-1)).toEqual({})
  })
})

/** Random, but written in two characters only. */
function bits(hex: string): string {
  return Number.parseInt(hex, 16).toString(2).padStart(4, '0')
}
