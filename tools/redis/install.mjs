/** Makes sure that `redis-server` and `redis-cli` can be started: finds them, or installs them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Debian's package starts a system service. A policy-rc.d that says 101 forbids it; where there is
 * none yet, ours stands only during the installation. The service is not to start later either.
 */
const APT = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod +x "$policy"
fi
install() { apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends redis-server; }
install || { apt-get -o DPkg::Lock::Timeout=120 update; install; }
if command -v systemctl; then systemctl disable redis-server || true; fi
`

/**
 * Resolves once both programs can be started; throws one sentence with the remedy otherwise.
 * @returns {Promise<void>}
 */
export async function ensureRedis() {
  // Another server, such as Valkey, by the path of its program.
  if (process.env['REDIS_SERVER'] !== undefined || (await isInstalled())) return
  const way = await wayToInstall()
  if (way === undefined) throw new Error(remedy('it cannot be installed without a password'))
  const started = performance.now()
  console.error(`redis-server is not installed; installing it once with ${way.name} …`)
  try {
    await run(way.command, way.args, { maxBuffer: 64 << 20 })
  } catch (error) {
    throw new Error(remedy(`${way.name} could not install it`), { cause: error })
  }
  if (!(await isInstalled())) throw new Error(remedy(`${way.name} installed it elsewhere`))
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(`redis-server installed in ${seconds} s`)
}

async function isInstalled() {
  return (await starts('redis-server', '--version')) && (await starts('redis-cli', '--version'))
}

/** @returns {Promise<{ name: string, command: string, args: string[] } | undefined>} */
async function wayToInstall() {
  if (await starts('apt-get', '--version')) {
    if (process.getuid?.() === 0) return { name: 'apt-get', command: 'sh', args: ['-c', APT] }
    if (await starts('sudo', '-n', 'true')) {
      return { name: 'apt-get', command: 'sudo', args: ['-n', 'sh', '-c', APT] }
    }
  }
  if (await starts('brew', '--version')) {
    return { name: 'brew', command: 'brew', args: ['install', 'redis'] }
  }
  return undefined
}

/**
 * @param {string} command
 * @param {...string} args
 */
async function starts(command, ...args) {
  try {
    await run(command, args)
    return true
  } catch {
    return false
  }
}

/** @param {string} reason */
function remedy(reason) {
  return (
    `redis-server is needed, but ${reason}: ` +
    'run `sudo apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS), then try again.'
  )
}
