/** The limits of one session, from options in words to numbers. */
import type { Meta } from './document.ts'
import { milliseconds } from './duration.ts'
import type { Engine } from './engine.ts'
import { optionError } from './errors.ts'
import type { LifetimeOptions, RegenerateOptions } from './session.ts'
import type { Lifetime } from './store.ts'
import { newRevision } from './write.ts'

/** The new limits of a session; what is not given stays. Throws ERR_OPTION. */
export function resolveLifetime(options: LifetimeOptions, meta: Meta): Lifetime {
  const { idleTimeout, absoluteTimeout, persistent } = options
  const idle =
    idleTimeout === undefined ? meta.idleTimeout : milliseconds('idleTimeout', idleTimeout)
  const deadline =
    absoluteTimeout === undefined
      ? meta.absoluteDeadline
      : meta.createdAt + milliseconds('absoluteTimeout', absoluteTimeout)
  if (idleTimeout !== undefined && idle > deadline - meta.createdAt) {
    throw optionError('absoluteTimeout must be at least idleTimeout: give setLifetime both.')
  }
  return {
    idleTimeout: idle,
    absoluteDeadline: deadline,
    persistent: persistent ?? meta.persistent,
  }
}

/** Refuses wrong options where they are given, not where they are first used. */
export function checkLifetime(options: LifetimeOptions): LifetimeOptions {
  if (typeof options !== 'object' || options === null) {
    throw optionError('setLifetime takes idleTimeout, absoluteTimeout and persistent.')
  }
  const { idleTimeout, absoluteTimeout, persistent, ...unknown } = options
  if (idleTimeout !== undefined) milliseconds('idleTimeout', idleTimeout)
  if (absoluteTimeout !== undefined) milliseconds('absoluteTimeout', absoluteTimeout)
  if (persistent !== undefined && typeof persistent !== 'boolean') {
    throw optionError('persistent must be true or false.')
  }
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw optionError(
      `setLifetime has no option '${name}'; it takes idleTimeout, absoluteTimeout, persistent.`,
    )
  }
  return options
}

/** The metadata of an anonymous session that begins now. */
export function freshMeta(engine: Engine, createdAt: number): Meta {
  const { absoluteTimeout, clock, idleTimeout, persistent } = engine
  const absoluteDeadline = createdAt + absoluteTimeout
  const lastSeenAt = clock.now()
  return {
    revision: newRevision(),
    createdAt,
    lastSeenAt,
    idleTimeout,
    absoluteDeadline,
    persistent,
  }
}

/** The tombstone of a moved session lives this long, so no grace can be longer. */
const MOST_GRACE = 30_000

/** Throws ERR_OPTION. */
export function graceOf(grace: RegenerateOptions['grace']): number {
  if (grace === undefined || grace === 0) return 0
  const value = milliseconds('grace', grace)
  if (value <= MOST_GRACE) return value
  throw optionError(
    'grace must be at most 30 s: it is meant for requests that are under way already.',
  )
}
