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
  active: '1e59976d99a784f477d188dc5650561723934e05',
  adopt: 'c31818895c53a62d88f0b2a184d8757a1f00d1ef',
  admit: '1764f6ea81905bad52305daac0d28d92b1233a37',
  claim: '27389fac388b3b959993ae64a61e2ab3b0c8242f',
  count: '39223190d03f262840a7bcdefc908ec0aeba9799',
  end: 'baed2e5fd8173d8666a33e6887b6cd9fcf126f9e',
  forget: '65995f0ae9d2a6951743af4402f920e0cf51a571',
  inactive: '433b30d3175f3c7bbda33b43765d78a92c7024d5',
  increment: '990e060a68c7f944d5e18395e4ab70eb00b87eb4',
  list: 'f03ab27a1f00f67cafc38deb6fdce5ae8c41ab2c',
  note: '0412989b95025f6a78dc340931bac90533f7cd8a',
  pin: 'f42aeb849b14f65fc681147de376bfae8e9ef2eb',
  regenerate: 'a82dd4c89081059e107353a498cdba31fc28e0db',
  revoke: 'd359da4366f1b064347dfa6680632f0efd7461ca',
  rsCreate: '6ccf017a36adbbea367b13094d16950cfa2522d3',
  rsEnd: 'e22e2634ad9c75dc28d959116e0bd90bb5110824',
  rsNote: 'dd6287a5367ec6b531d3cd5d931c21fb50c6e429',
  rsUse: 'bd765df1cf61a6a1b35eb32bfd97f68d134a48f1',
  setsNote: 'b75898ffa64ea912c3d9eaac77209a839c7b71f4',
  setsWrite: 'e00683f3aceefbf943c8a18e99a1c59e98125ca7',
  touch: '5016167d636618df5dae685ab2794fe105a73584',
  update: '37e4a5ada866d41866cecc3e660ea0eadf64524b',
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
    // A script that goes through its keys names none of them.
    const used = /ipairs\(KEYS\)|KEYS\[key\]/.test(code)
      ? numbersOf('KEYS', head)
      : numbersOf('KEYS', code)
    expect(numbersOf('KEYS', head)).toEqual(used)
  })

  test('names every outcome that the script itself replies', () => {
    const returns = code.split('\n').filter((line) => line.includes('return '))
    const replied = returns.flatMap((line) => [
      ...line.slice(line.indexOf('return ')).matchAll(/'([a-z-]+)'/g),
    ])
    const outcomes = replied.map(([, outcome = '']) => outcome)
    expect(outcomes.filter((outcome) => !head.includes(`'${outcome}'`))).toEqual([])
    expect(
      outcomes.length > 0 || !/Reply .*'[a-z]/.test(head) || code.includes('local reply'),
    ).toBe(true)
  })
})

test.each(['document.lua', 'first-line.lua', 'patch.lua', 'successor.lua'])(
  'the shared %s says what it is for',
  (file) => {
    const source = readFileSync(new URL(`include/${file}`, lua), 'utf8')
    expect(source).toMatch(/^-- [A-Z]/)
    const functions = source.split('\n').flatMap((line, at, lines) => {
      return line.startsWith('local function') ? [[line, lines[at - 1]]] : []
    })
    expect(functions.filter(([, before]) => !before?.startsWith('--'))).toEqual([])
  },
)

/** Which of KEYS[1], KEYS[2] … a text speaks of. */
function numbersOf(name: string, text: string): string[] {
  const found = text.matchAll(new RegExp(`${name}\\[(\\d+)\\]`, 'g'))
  return [...new Set(Array.from(found, ([, number = '']) => number))].toSorted()
}
