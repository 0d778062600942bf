/** Signed ids: only what was signed with a key of the ring, for this purpose, is opened. */
import { describe, expect, test } from 'vitest'
import { newSessionId, randomSecret } from '../../../src/core/id.ts'
import type { SessionId } from '../../../src/core/id.ts'
import { keyRing, plainSeal } from '../../../src/http/signature.ts'

const [first, second, third] = [
  'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_',
  'Zb0Gf4Hd1Pm6Yw3Jc8Kz5Tn2Vr7Lx9Aq-',
  'mN4bV7cX1zL8kJ5hG2fD9sA6pO3iU0yT',
]
const id = await newSessionId('abc', randomSecret, undefined)

describe('a signed id', () => {
  test('is opened by the ring that signed it', () => {
    const ring = keyRing(first, 'cookie sid')
    expect(ring.open(ring.seal(id))).toEqual({ id })
  })

  test('has the form that other servers of the same secret make', () => {
    const known = 'abcX3vN8rT5wY1zB7kM2pL9sQ4hJ6gF0dC' as SessionId
    // printf 'handstamp cookie sid <id>' | openssl dgst -sha256 -hmac <secret> -binary | base64
    const signature = '26i1vqxrbB3HgsRowuWYKhaE2YAGexzXi5KNU_GhTng'
    expect(keyRing(first, 'cookie sid').seal(known)).toBe(`${known}.${signature}`)
  })

  test('stays valid while secrets are rotated over three generations', () => {
    const rings = [[first], [second, first], [third, second], [third]].map((secrets) =>
      keyRing(secrets, 'cookie sid'),
    )
    const sealed = rings.slice(0, 3).map((ring) => ring.seal(id))
    const opened = rings.map((ring) => sealed.map((text) => 'id' in ring.open(text)))
    expect(opened).toEqual([
      [true, false, false],
      [true, true, false],
      [false, true, true],
      [false, false, true],
    ])
  })

  test('is signed with the first secret of the ring', () => {
    const text = keyRing([second, first], 'cookie sid').seal(id)
    expect(keyRing(second, 'cookie sid').open(text)).toEqual({ id })
    expect(keyRing(first, 'cookie sid').open(text)).toEqual({ rejected: 'signature' })
  })

  test('is refused when any bit of it is flipped', () => {
    const ring = keyRing([first, second], 'cookie sid')
    const text = ring.seal(id)
    for (let at = 0; at < text.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << bit))
        const forged = text.slice(0, at) + flipped + text.slice(at + 1)
        expect(ring.open(forged)).toEqual({
          rejected: expect.stringMatching(/malformed|signature/),
        })
      }
    }
  })

  test.each([
    ['of another cookie', 'cookie other'],
    ['of a header', 'header sid'],
    ['of a cookie whose name continues in the id', 'cookie'],
    ['of no purpose', ''],
  ])('is refused in the place %s', (_title, purpose) => {
    const text = keyRing(first, purpose).seal(id)
    expect(keyRing(first, 'cookie sid').open(text)).toEqual({ rejected: 'signature' })
  })

  test.each<[string, (text: string) => string, 'malformed' | 'signature']>([
    ['without its signature', (text) => text.split('.', 1)[0] ?? '', 'malformed'],
    ['with an empty signature', (text) => `${text.split('.', 1)[0]}.`, 'signature'],
    ['with a shorter signature', (text) => text.slice(0, -1), 'signature'],
    ['with a longer signature', (text) => `${text}A`, 'signature'],
    ['signed twice', (text) => `${text}.${text.split('.')[1]}`, 'signature'],
    ['with the padding of another base64', (text) => `${text}=`, 'signature'],
    ['with a space', (text) => `${text} `, 'signature'],
    ['without an id', (text) => text.slice(text.indexOf('.')), 'malformed'],
    ['with another id', (text) => `x${text}`, 'signature'],
    ['in quotes', (text) => `"${text}"`, 'malformed'],
    ['of another alphabet', (text) => text.replaceAll('-', '+').replaceAll('_', '/'), 'malformed'],
    ['cut to nothing', () => '', 'malformed'],
    ['with letters of two bytes', (text) => text.slice(0, -2) + 'é', 'signature'],
  ])('%s is refused', (_title, forge, rejected) => {
    // An id and a signature that hold both of the characters in which the alphabets differ.
    const sample = 'abc-_vN8rT5wY1zB7kM2pL9sQ4hJ6gF0dC' as SessionId
    const ring = keyRing(first, 'cookie sid')
    expect(ring.open(forge(ring.seal(sample)))).toEqual({ rejected })
  })
})

describe('a secret is refused:', () => {
  test.each<[string, unknown]>([
    ['nothing', ''],
    ['a sample of a README', 'keyboard cat'],
    ['another sample', 'some secret hurr'],
    ['a repeated sample', 'secret'.repeat(10)],
    ['a repeated letter', 'a'.repeat(64)],
    ['31 random characters', first.slice(0, 31)],
    ['digits only', '01234567890123456789012345678901'],
    ['an empty list', []],
    ['a list with a weak one at its end', [first, 'keyboard cat']],
    ['a list in a list', [[first]]],
    ['a number', 5],
    ['null', null],
    ['an object', {}],
    ['a boolean', true],
    ['bytes', Buffer.from(first)],
  ])('%s', (_title, secret) => {
    expect(() => keyRing(secret as string, 'cookie sid')).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringMatching(/^secret must/),
      }),
    )
  })
})

test('an error about a secret does not print it', () => {
  const weak = 'hunter2-hunter2'
  expect(() => keyRing(weak, '')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  )
})

test('without a secret ids travel as they are, and only what can be an id is taken', () => {
  expect(plainSeal.seal(id)).toBe(id)
  expect(plainSeal.open(id)).toEqual({ id })
  expect(plainSeal.open(`${id}.x`)).toEqual({ rejected: 'malformed' })
  expect(plainSeal.open('')).toEqual({ rejected: 'malformed' })
})
