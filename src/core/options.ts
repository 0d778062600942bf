/** The options of the engine: checked and completed once, at construction. */
import { activityRules } from './activity.ts'
import type { ActivityOptions } from './activity.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import type { Codec } from './codec.ts'
import { jsonCodec } from './codec.ts'
import type { Duration } from './duration.ts'
import { milliseconds } from './duration.ts'
import type { Engine, ResolveConflict } from './engine.ts'
import { optionError } from './errors.ts'
import { SessionEmitter } from './events.ts'
import { checkedSources } from './former.ts'
import type { FormerSessions } from './former.ts'
import { randomSecret, refuseWeakIds } from './id.ts'
import type { GenerateId } from './id.ts'
import type { NearCacheOptions } from './near-cache.ts'
import { withNearCache } from './near-store.ts'
import { checkedPolicy } from './outage.ts'
import type { OnStoreFailure } from './outage.ts'
import { checkedReferences } from './references.ts'
import { Revocations } from './revocations.ts'
import type { Session } from './session.ts'
import { StoreCalls } from './store-calls.ts'
import type { SessionLimit, Store } from './store.ts'
import type { Transport } from './transport.ts'

export interface EngineOptions<Data extends object> {
  /** Ends a session after this long without a request. Default `'1h'` (NIST SP 800-63B-4, AAL2). */
  readonly idleTimeout?: Duration
  /** Ends a session this long after its creation, whatever happens. Default `'24h'` (as above). */
  readonly absoluteTimeout?: Duration
  /**
   * How often a session that is only read has its idle limit moved. Default: a tenth of the idle
   * timeout, at least a minute. A session may end earlier than its idle timeout by up to this.
   */
  readonly touchInterval?: Duration
  /**
   * With a persistent cookie: true moves the end of the cookie along with every touch; false (default)
   * lets the cookie live to the absolute limit while the server enforces the idle limit. Moving it
   * costs a Set-Cookie now and then, and such a response, when late, can overtake a newer cookie.
   */
  readonly rolling?: boolean
  /** The most a session may take in the store, bytes. Default 65,536; an event warns at half of it. */
  readonly maxBytes?: number
  /**
   * How long a request waits for the store, all its calls together, before ERR_STORE_TIMEOUT. What
   * waits beside requests (`sessions.user(…)`) has so long for each call. Default `'250ms'`.
   */
  readonly storeTimeout?: Duration
  /**
   * What a request gets whose session cannot be read: the error, and with it 503 (`'error'`, default);
   * an empty session that cannot be written (`'anonymous'`); the session as it was last known here, or
   * the error (`'stale'`); or a function of the framework's request to one of these.
   */
  readonly onStoreFailure?: OnStoreFailure
  /**
   * When two requests assign the same field: the last one wins (default), the later one gets
   * ERR_CONFLICT, or a function decides. Different fields are never in conflict. Either way the
   * event `conflict` is told.
   */
  readonly onConflict?: 'last-write-wins' | 'error' | ResolveConflict
  /** Makes the random part of ids: base64url text of at least 128 random bits. Default: 256 bits of node:crypto. */
  readonly generateId?: GenerateId
  /** The most live sessions a user may have; see `whenTooManySessions`. Default: any number. */
  readonly maxSessionsPerUser?: number
  /**
   * What a sign-in beyond `maxSessionsPerUser` does: end the session that began first (default), end
   * the one unused for longest, or fail with ERR_SESSION_LIMIT.
   */
  readonly whenTooManySessions?: SessionLimit['beyond']
  /**
   * What sessions can be found and revoked by, besides their user: names of fields, or functions of
   * the data, to one value or several (`sessions.by(name, value)`).
   */
  readonly references?: Readonly<
    Record<string, true | ((data: { readonly [Name in keyof Data]?: Data[Name] }) => unknown)>
  >
  /**
   * Notes in the background who is active, for `sessions.activity(window)`: one command more per
   * session and touch interval, and none that a response waits for. Default: false.
   */
  readonly activity?: boolean | ActivityOptions
  /**
   * Sessions of other packages that go on as ours, with `fromExpressSession(…)` and the others of
   * `handstamp/migrate`. Default: none.
   */
  readonly migrateFrom?: readonly FormerSessions[]
  /**
   * Serves sessions that were read lately from the memory of this process. What has changed or ended
   * elsewhere may then be seen as it was for up to `maxStaleness`, default a second, and no longer;
   * writes and sign-ins never trust it. Default: false. See docs/near-cache.md.
   */
  readonly nearCache?: boolean | NearCacheOptions
  /** Says whether a stored session fits the request; otherwise the visitor is anonymous. */
  readonly validate?: (session: Session<Data>, request: unknown) => boolean | Promise<boolean>
  /** Runs before a session with changes is written and may change it further. */
  readonly beforeSave?: (session: Session<Data>, request: unknown) => void | Promise<void>
  /** How field values become text, for more than JSON. The text must be JSON without line breaks. */
  readonly codec?: Codec
  /** Where the time comes from; for tests. */
  readonly clock?: Clock
}

interface Parts {
  readonly store: Store
  readonly transport: Transport
  readonly persistent: boolean
  readonly deviceOf: Engine['deviceOf']
}

/** Throws ERR_OPTION or ERR_WEAK_ID with the remedy. */
export function resolveEngine<Data extends object>(
  options: EngineOptions<Data>,
  parts: Parts,
): Engine {
  const { clock = systemClock, codec = jsonCodec } = options
  checkContracts({ ...parts, clock, codec })
  const idleTimeout = milliseconds('idleTimeout', options.idleTimeout ?? '1h')
  const absoluteTimeout = milliseconds(
    'absoluteTimeout',
    options.absoluteTimeout ?? Math.max(86_400_000, idleTimeout),
  )
  if (absoluteTimeout < idleTimeout) {
    throw optionError('absoluteTimeout must be at least idleTimeout: no session outlives it.')
  }
  const {
    rolling = false,
    maxBytes = 65_536,
    onConflict = 'last-write-wins',
    generateId = randomSecret,
  } = options
  if (typeof rolling !== 'boolean') throw optionError('rolling must be true or false.')
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1024 || maxBytes > 1024 * 1024) {
    throw optionError('maxBytes must be a number of bytes from 1,024 to 1,048,576.')
  }
  if (
    typeof onConflict !== 'function' &&
    onConflict !== 'last-write-wins' &&
    onConflict !== 'error'
  ) {
    throw optionError("onConflict must be 'last-write-wins', 'error' or a function.")
  }
  const events = new SessionEmitter()
  const background = new Set<Promise<unknown>>()
  const storeTimeout = storeTimeoutOf(options.storeTimeout)
  const calls = new StoreCalls(parts.store, events, storeTimeout)
  return {
    ...parts,
    ...withNearCache(parts.store, options.nearCache, events),
    clock,
    codec,
    events,
    background,
    generateId: checkedGenerator(generateId),
    idleTimeout,
    absoluteTimeout,
    touchInterval: touchIntervalOf(options.touchInterval, idleTimeout),
    rolling,
    maxBytes,
    storeTimeout,
    calls,
    onStoreFailure: checkedPolicy(options.onStoreFailure),
    onConflict,
    limit: limitOf(options),
    references: checkedReferences(options.references),
    migrateFrom: checkedSources(options.migrateFrom),
    activity: activityRules(options.activity),
    revocations: new Revocations(parts.store.revocations, {
      events,
      calls,
      background,
      storeTimeout,
    }),
    validate: hook('validate', options.validate) as Engine['validate'],
    beforeSave: hook('beforeSave', options.beforeSave) as Engine['beforeSave'],
  }
}

interface Contract {
  readonly verbs: readonly string[]
  /** What lies within, each with verbs of its own. */
  readonly parts?: Readonly<Record<string, readonly string[]>>
  readonly remedy: string
}

const CONTRACTS = {
  store: {
    verbs: [
      'load',
      'create',
      'adopt',
      'update',
      'increment',
      'touch',
      'regenerate',
      'end',
      'claim',
      'close',
    ],
    parts: {
      users: ['admit', 'list', 'count', 'end', 'confirm'],
      references: ['note', 'notedAt', 'forget', 'page'],
      activity: ['note', 'forget', 'since'],
      revocations: ['publish', 'subscribe'],
    },
    remedy: 'redisStore(…) or memoryStore(…); a store of another library or a bare client is none',
  },
  transport: { verbs: ['covers', 'read', 'write'], remedy: 'headerTransport(…), or left out' },
  clock: { verbs: ['now'], remedy: 'an object with now(), in milliseconds since 1970' },
  codec: { verbs: ['encode', 'decode'], remedy: 'an object with encode() and decode()' },
} as const

/** Looks for the functions only: what they do is between the application and its tests. */
function checkContracts(given: Record<keyof typeof CONTRACTS, unknown>): void {
  for (const [name, contract] of Object.entries<Contract>(CONTRACTS)) {
    const part = given[name as keyof typeof CONTRACTS]
    const inner = Object.entries(contract.parts ?? {})
    if (
      !hasVerbs(part, contract.verbs) ||
      inner.some(([key, verbs]) => !hasVerbs((part as Record<string, unknown>)[key], verbs))
    )
      throw optionError(`${name} must be ${contract.remedy}.`)
  }
}

function hasVerbs(part: unknown, verbs: readonly string[]): boolean {
  if (typeof part !== 'object' || part === null) return false
  return verbs.every((verb) => typeof (part as Record<string, unknown>)[verb] === 'function')
}

function touchIntervalOf(option: Duration | undefined, idleTimeout: number): number | undefined {
  if (option === undefined) return undefined
  const interval = milliseconds('touchInterval', option)
  if (interval <= idleTimeout / 2) return interval
  throw optionError(
    'touchInterval must be at most half of idleTimeout, or sessions in use would end.',
  )
}

function limitOf({
  maxSessionsPerUser: most,
  whenTooManySessions: beyond = 'evict-oldest',
}: Pick<EngineOptions<object>, 'maxSessionsPerUser' | 'whenTooManySessions'>):
  | SessionLimit
  | undefined {
  if (!['evict-oldest', 'evict-idle', 'reject'].includes(beyond)) {
    throw optionError("whenTooManySessions must be 'evict-oldest', 'evict-idle' or 'reject'.")
  }
  if (most === undefined) return undefined
  if (Number.isSafeInteger(most) && most >= 1) return { most, beyond }
  throw optionError(
    'maxSessionsPerUser must be a whole number of at least 1; leave it out for any number.',
  )
}

function storeTimeoutOf(option: Duration = 250): number {
  const timeout = milliseconds('storeTimeout', option)
  if (timeout <= 60_000) return timeout
  throw optionError('storeTimeout must be at most a minute: a visitor waits that long.')
}

function hook(name: string, option: unknown): unknown {
  if (option === undefined || typeof option === 'function') return option
  throw optionError(`${name} must be a function.`)
}

const SAMPLES = 8

/** A generator that answers at once is tried now, any other when it is first used. */
function checkedGenerator(generate: GenerateId): GenerateId {
  if (typeof generate !== 'function') throw optionError('generateId must be a function.')
  if (generate === randomSecret) return generate
  const drawn = samplesOf(generate)
  if (drawn.every((sample) => typeof sample === 'string')) {
    refuseWeakIds(drawn)
    return generate
  }
  // Asynchronous, or in need of a request: tried with the first one. What fails once is tried again.
  let isTried = false
  return async (request) => {
    if (!isTried) {
      const samples = Array.from({ length: SAMPLES }, () => Promise.resolve(generate(request)))
      refuseWeakIds(await Promise.all(samples))
      isTried = true
    }
    return generate(request)
  }
}

function samplesOf(generate: GenerateId): unknown[] {
  try {
    const drawn = Array.from({ length: SAMPLES }, () => generate(undefined))
    for (const sample of drawn) Promise.resolve(sample).catch(() => undefined)
    return drawn
  } catch {
    return [undefined]
  }
}
