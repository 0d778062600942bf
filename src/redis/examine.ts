/** What is unsafe about a Redis set-up: read from the server and from the client, judged here. */
import type { Finding } from '../core/store-health.ts'
import type { ClientFacts } from './client-facts.ts'
import type { Command, Driver } from './driver.ts'
import { markerKey } from './keys.ts'

/** What the server says; undefined where it does not, or may not. */
export interface ServerFacts {
  readonly version: string | undefined
  readonly evictionPolicy: string | undefined
  /** Most memory, bytes; 0 is any. */
  readonly maxMemory: number | undefined
  readonly isPersistent: boolean | undefined
  readonly replicas: number | undefined
  /** Commands in use here that the connection may not send. */
  readonly refused: readonly string[]
}

/** In use by scripts and stores; harmless as they are asked here, on a key that ends at once. */
const PROBE = `redis.call('SET', KEYS[1], '1', 'PX', '1000')
redis.call('GET', KEYS[1])
redis.call('PEXPIRE', KEYS[1], '1000')
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], 1, 'a')
redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('ZREM', KEYS[1], 'a')
return redis.call('DEL', KEYS[1])`

export async function examine(driver: Driver, prefix: string): Promise<readonly Finding[]> {
  const [client, server] = await Promise.all([driver.facts(), serverFacts(driver, prefix)])
  return [...serverFindings(server), ...accessFindings(client, server), ...clientFindings(client)]
}

async function serverFacts(driver: Driver, prefix: string): Promise<ServerFacts> {
  const key = markerKey(prefix, 'AAA', 'examined')
  const told = async (args: Command): Promise<string> => {
    try {
      const reply = await driver.sendAlong(key, args)
      return Array.isArray(reply) || typeof reply === 'string' ? String(reply) : ''
    } catch {
      // Managed services refuse some of these to everybody.
      return ''
    }
  }
  const mayRun = async (name: string, args: Command): Promise<readonly string[]> => {
    try {
      await driver.send(key, false, args)
      return []
    } catch (cause) {
      return cause instanceof Error && /NOPERM|no permission/i.test(cause.message) ? [name] : []
    }
  }
  const [info, save, ...refused] = await Promise.all([
    told(['INFO']),
    told(['CONFIG', 'GET', 'save']),
    mayRun('GET', ['GET', key]),
    mayRun('SET', ['SET', key, '1', 'PX', '1000']),
    mayRun('EVAL, or a command within a script', ['EVAL', PROBE, '1', key]),
  ])
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const number = (name: string): number | undefined => {
    const text = field(name)
    return text === undefined ? undefined : Number(text)
  }
  const snapshots = save === '' ? undefined : save.replace(/^save,?/, '') !== ''
  return {
    version: field('redis_version'),
    evictionPolicy: field('maxmemory_policy'),
    maxMemory: number('maxmemory'),
    isPersistent: field('aof_enabled') === '1' || snapshots,
    replicas: field('role') === 'master' ? number('connected_slaves') : undefined,
    refused: refused.flat(),
  }
}

export function serverFindings(server: ServerFacts): Finding[] {
  const { version, evictionPolicy, maxMemory, isPersistent, replicas } = server
  const findings: Finding[] = []
  if (version !== undefined && isOlderThan(version, 6, 2)) {
    findings.push(
      error('old', `Redis ${version} lacks commands in use here; run 6.2 or later, or Valkey.`),
    )
  }
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction') {
    const message =
      `maxmemory-policy is ${evictionPolicy}: under memory pressure Redis drops sessions, and entries of the ` +
      'lists that revocation goes by. Set it to noeviction, and maxmemory to what the sessions need.'
    // Without a limit nothing is dropped yet.
    findings.push(maxMemory === 0 ? warning('evicts', message) : error('evicts', message))
  }
  if (isPersistent === false) {
    findings.push(
      warning(
        'not-persistent',
        'Redis keeps nothing on disk: a restart signs everybody out. Set appendonly yes, with appendfsync everysec.',
      ),
    )
  }
  if (replicas === 0) {
    findings.push(
      warning(
        'no-replicas',
        'Redis has no replica: while it is down there are no sessions, and what it loses is lost. Run one or two replicas, with Sentinel or as a Cluster.',
      ),
    )
  }
  return findings
}

export function accessFindings(client: ClientFacts, { refused }: ServerFacts): Finding[] {
  const findings: Finding[] = []
  const { host, hasPassword } = client
  if (host !== undefined && !hasPassword && !isLoopback(host)) {
    findings.push(
      error(
        'no-password',
        'Redis is asked over a network without a password: whoever reaches it has every session. Give it a user and a password, and use rediss://.',
      ),
    )
  }
  if (refused.length > 0) {
    findings.push(
      error(
        'acl-too-narrow',
        `The Redis user may not run: ${refused.join('; ')}. See the ACL in docs/data-in-redis.md.`,
      ),
    )
  }
  return findings
}

export function clientFindings(facts: ClientFacts): Finding[] {
  const remedy =
    facts.client === 'ioredis' ? 'recommendedIoredisOptions()' : 'recommendedNodeRedisOptions()'
  const found: readonly [boolean, string, string][] = [
    [
      !facts.hasCommandTimeout,
      'client-no-command-timeout',
      'The client waits for ever for a reply (commandTimeout), and keeps what it waits for.',
    ],
    [
      !facts.hasSocketTimeout,
      'client-no-socket-timeout',
      'The client holds on to a connection that has gone silent (socketTimeout), for up to a quarter of an hour.',
    ],
    [
      facts.hasOfflineQueue,
      'client-offline-queue',
      'The client keeps commands while there is no connection (enableOfflineQueue, disableOfflineQueue) and sends them when nobody waits any more.',
    ],
    [
      facts.isResending,
      'client-resends',
      'The client sends a command again whose reply was lost (autoResendUnfulfilledCommands), so that an increment may count twice.',
    ],
    [
      facts.isBlindToFailover,
      'client-no-failover-detector',
      'The client goes on writing to the former master for seconds after a planned failover (failoverDetector), and all of that is lost.',
    ],
  ]
  return found
    .filter(([isSo]) => isSo)
    .map(([, code, message]) => warning(code, `${message} Use ${remedy} of handstamp/redis.`))
}

function error(code: string, message: string): Finding {
  return { code, severity: 'error', message }
}

function warning(code: string, message: string): Finding {
  return { code, severity: 'warning', message }
}

function isOlderThan(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number)
  return first < major || (first === major && second < minor)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
