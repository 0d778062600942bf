/** Makes a fresh checkout ready to measure: the peers of this folder installed, handstamp built. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))

export async function prepare() {
  if (!isInstalled()) await run('installing the peers', ['ci', '--no-audit', '--no-fund'], here)
  await run('building handstamp', ['run', 'build', '--silent'], root)
}

/** Whether this folder holds the pinned versions. */
function isInstalled() {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('package.json', import.meta.url), 'utf8'),
  )
  return Object.entries(dependencies).every(([name, wanted]) => {
    const version = installedVersion(name)
    return version !== undefined && (wanted === 'file:..' || wanted.endsWith(version))
  })
}

/** @param {string} name @returns {string | undefined} */
export function installedVersion(name) {
  try {
    const manifest = createRequire(import.meta.url).resolve(`./node_modules/${name}/package.json`)
    return JSON.parse(readFileSync(manifest, 'utf8')).version
  } catch {
    return undefined
  }
}

/** @param {string} title @param {string[]} words of npm @param {string} folder */
async function run(title, words, folder) {
  process.stderr.write(`${title} …\n`)
  // Standard output is for the figures.
  const npm = spawn('npm', words, {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  const [status] = await once(npm, 'exit')
  if (status !== 0) throw new Error(`${title}: npm ${words.join(' ')} ended with ${status}`)
}
