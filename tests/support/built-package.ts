/**
 * The package as its users get it, in a folder of its own: compiled, with the examples beside it. The
 * `dist` of the checkout stays out of it, because other tests and people build there at any time.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface BuiltPackage {
  readonly folder: string
  remove(): void
}

const root = fileURLToPath(new URL('../..', import.meta.url))

export function buildPackage(): BuiltPackage {
  const folder = mkdtempSync(join(tmpdir(), 'handstamp-package-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    for (const name of ['package.json', 'examples'])
      cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const project = join(root, 'tsconfig.build.json')
    const out = join(folder, 'dist')
    execFileSync(process.execPath, [compiler, '-p', project, '--outDir', out], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return { folder, remove }
  } catch (error) {
    remove()
    throw error
  }
}
