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
  adopt: '68246ebc8b80617d38ee4f0a2ef6d49a5da5104a',
  admit: '6221af0dae4217993ee1eb8768fa48ce31410015',
  claim: 'c1c5a2ba220531d410cf81651bb5afbdc79edd7b',
  count: 'eb84562fabf41e64bb73cd881e362aa5ecee8fdf',
  end: '2a58da97f97c4ab4d722f92409fa86dbf7c81f74',
  forget: '65995f0ae9d2a6951743af4402f920e0cf51a571',
  inactive: '433b30d3175f3c7bbda33b43765d78a92c7024d5',
  increment: 'fbc3f65a913bf2466308c2286e074060dd44e6e1',
  list: '40c329fba818e6665d5cb5c4efe59636c56c15fd',
  note: '0412989b95025f6a78dc340931bac90533f7cd8a',
  pin: 'f42aeb849b14f65fc681147de376bfae8e9ef2eb',
  regenerate: '8e3bc70556cd3d5fa6fec524285c028ef872b20c',
  revoke: 'b0943a8cd37546104deb3b5fef1bf4092c8d348a',
  rsCreate: '6ccf017a36adbbea367b13094d16950cfa2522d3',
  rsEnd: 'e22e2634ad9c75dc28d959116e0bd90bb5110824',
  rsNote: 'dd6287a5367ec6b531d3cd5d931c21fb50c6e429',
  rsUse: 'bd765df1cf61a6a1b35eb32bfd97f68d134a48f1',
  setsNote: 'b75898ffa64ea912c3d9eaac77209a839c7b71f4',
  setsWrite: 'e00683f3aceefbf943c8a18e99a1c59e98125ca7',
  touch: 'cbdb763695d375fc2b50a95b9f4a6b489dc69dd3',
  update: '46c47fe68003086bfb2406e1be9f89256f01b4e2',
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
