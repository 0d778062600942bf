/** A real Chromium: found, or installed where that needs no password. */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const run = promisify(execFile)

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const APT = `
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends chromium; }
install || { apt-get -o DPkg::Lock::Timeout=120 update && install; }
`

/** The path of the program, or why there is none. */
export type Found = { readonly path: string } | { readonly reason: string }

export async function findChromium(): Promise<Found> {
  const path = onPath()
  if (path !== undefined) return { path }
  const command = await rootCommand()
  if (!command) return { reason: 'Chromium is not installed, and cannot be without a password' }
  console.error('Chromium is not installed; installing it once with apt-get …')
  try {
    const [program, ...args] = command
    await run(program, [...args, 'sh', '-c', APT], { maxBuffer: 64 << 20, timeout: 300_000 })
  } catch {
    return { reason: 'Chromium is not installed, and apt-get could not install it' }
  }
  const installed = onPath()
  return installed ? { path: installed } : { reason: 'apt-get installed Chromium elsewhere' }
}

export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  })
}

function onPath(): string | undefined {
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
  const paths = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** What starts a command as root; undefined where that needs a password, or there is no apt-get. */
async function rootCommand(): Promise<[string, ...string[]] | undefined> {
  const starts = (command: string, ...args: string[]): Promise<boolean> =>
    run(command, args).then(
      () => true,
      () => false,
    )
  if (!(await starts('apt-get', '--version'))) return undefined
  if (process.getuid?.() === 0) return ['env']
  return (await starts('sudo', '-n', 'true')) ? ['sudo', '-n'] : undefined
}
