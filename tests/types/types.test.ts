/** Applications in TypeScript compile, and what they get wrong does not: each folder is one program. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')

test.each([
  ['that leaves the types of its framework alone', 'plain'],
  ['that asks for req.session in every Express handler', 'augmented'],
])('an application %s', (_, folder) => {
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', `tests/types/${folder}`], {
    cwd: root,
    encoding: 'utf8',
  })
  expect([stdout, status]).toEqual(['', 0])
})
