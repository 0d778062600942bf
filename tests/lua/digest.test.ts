/** What the scripts are, to the byte, and that each says what it takes and replies. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as scripts from '../../src/redis/scripts.generated.ts'

/**
 * While a new release is rolled out, servers of both releases run their own scripts on the same
 * sessions. So when a digest changes on purpose, first make sure of that:
 *
 * - the documents that the new script writes can be read and changed by the released one, and the
 *   other way round; otherwise the document gets a new version (src/core/document.ts);
 * - a command of the released script that is sent again after the change still is harmless;
 * - the CHANGELOG says that the script changed (people who list scripts in an ACL or a proxy need it).
 *
 * Then copy the new digest from src/redis/scripts.generated.ts.
 */
const DIGESTS = {
  end: '4ec769e32593e6638d8d02d02620b295c26a6819',
  increment: 'd2ebd5864815f2b914d3e95f31c3b579ebc5ced5',
  regenerate: 'a7605b1dc6093aa0d758184ce6c2078666c2183b',
  touch: 'd8d342378b2733de9e707c149456d353463fcf8c',
  update: '4ab6efd1036ed99991b835ec2ddc2fffff37ea92',
}

test('the scripts are the ones that were released', () => {
  const digests = Object.entries(scripts).map(([name, { sha1 }]) => [name, sha1])
  expect(Object.fromEntries(digests)).toEqual(DIGESTS)
})

test.each(Object.entries(scripts))('%s is called by the digest of what is sent', (name, script) => {
  expect(script.name).toBe(name)
  expect(script.sha1).toBe(createHash('sha1').update(script.source).digest('hex'))
})

test.each(Object.entries(scripts))('%s takes no time and no chance from Redis', (_name, script) => {
  // `now` is an argument, so that replicas, tests and the policy agree on it.
  expect(script.source).not.toMatch(/'TIME'|math\.random|RANDOMKEY|os\./)
})

const lua = new URL('../../lua/', import.meta.url)
const operations = readdirSync(lua).filter((file) => file.endsWith('.lua'))

describe.each(operations)('the head of %s', (file) => {
  const source = readFileSync(new URL(file, lua), 'utf8')
  const lines = source.split('\n')
  const head = lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith('--')),
    )
    .join('\n')
  const code = lines.filter((line) => !line.startsWith('--')).join('\n')

  test.each(['Purpose:', 'KEYS[1]', 'ARGV', 'Reply', 'Repeat'])('has a line for %s', (label) => {
    expect(head).toContain(`-- ${label}`)
  })

  test('names every key that the script uses, and no other', () => {
    expect(numbersOf('KEYS', head)).toEqual(numbersOf('KEYS', code))
  })

  test('names every outcome that the script itself replies', () => {
    const replied = code.matchAll(/(?:return (?:\{ )?|\b(?:and|or) )'([a-z-]+)'/g)
    const outcomes = Array.from(replied, ([, outcome = '']) => outcome)
    expect(outcomes).not.toEqual([])
    expect(outcomes.filter((outcome) => !head.includes(`'${outcome}'`))).toEqual([])
  })
})

test.each(['document.lua', 'patch.lua'])('the shared %s says what it is for', (file) => {
  const source = readFileSync(new URL(`include/${file}`, lua), 'utf8')
  expect(source).toMatch(/^-- [A-Z]/)
  const functions = source.split('\n').flatMap((line, at, lines) => {
    return line.startsWith('local function') ? [[line, lines[at - 1]]] : []
  })
  expect(functions.filter(([, before]) => !before?.startsWith('--'))).toEqual([])
})

/** Which of KEYS[1], KEYS[2] … a text speaks of. */
function numbersOf(name: string, text: string): string[] {
  const found = text.matchAll(new RegExp(`${name}\\[(\\d+)\\]`, 'g'))
  return [...new Set(Array.from(found, ([, number = '']) => number))].toSorted()
}
