/** What redis-sessions takes as arguments, and the errors of its own that it answers anything else with. */

/** `missingParameter`: No X supplied. `invalidFormat`: Invalid X format. `invalidValue`: says what is wrong. */
export type ValidationErrorName = 'missingParameter' | 'invalidFormat' | 'invalidValue'

/** A rejected argument. Its message names the argument, never its value. */
export class ValidationError extends Error {
  override readonly name: ValidationErrorName

  constructor(name: ValidationErrorName, message: string) {
    super(message)
    this.name = name
  }
}

export type Value = string | number | boolean
export type Data = Record<string, Value>
/** Null removes a key. */
export type DataChange = Record<string, Value | null>

const FORMATS: Record<'app' | 'id' | 'ip' | 'token', RegExp> = {
  app: /^[a-zA-Z0-9_-]{3,20}$/,
  // The limit of 128 characters that the docs name was never enforced: ids beyond it are in use.
  id: /^.+$/,
  ip: /^.{1,39}$/,
  token: /^[a-zA-Z0-9]{64}$/,
}

/** The argument as text, which may be given as a number. */
export function textOf(options: object | null | undefined, name: keyof typeof FORMATS): string {
  const value = (options as Record<string, unknown> | null | undefined)?.[name]
  if (!value) throw new ValidationError('missingParameter', `No ${name} supplied`)
  const text = `${value as Value}`
  if (FORMATS[name].test(text)) return text
  throw new ValidationError('invalidFormat', `Invalid ${name} format`)
}

/** Seconds, at least 10. */
export function ttlOf(ttl: unknown): number {
  return atLeastTen(ttl || 7200, 'ttl')
}

/**
 * Seconds, at least 10: `deltaTime`, or `dt` as it was called before version 4. Where there is neither,
 * the message is that of the version whose form the call has.
 */
export function deltaOf(
  { deltaTime, dt }: { deltaTime?: unknown; dt?: unknown },
  isPromise: boolean,
): number {
  if (deltaTime !== undefined) return atLeastTen(deltaTime, 'deltaTime')
  return atLeastTen(dt, isPromise && dt === undefined ? 'deltaTime' : 'ttl')
}

function atLeastTen(value: unknown, name: string): number {
  const seconds = Number.parseInt(String(value), 10)
  if (seconds >= 10) return seconds
  throw new ValidationError('invalidValue', `${name} must be a positive integer >= 10`)
}

export function dataOf(d: unknown): DataChange {
  if (!d) throw new ValidationError('missingParameter', 'No d supplied')
  if (typeof d !== 'object' || Array.isArray(d)) {
    throw new ValidationError('invalidValue', 'd must be an object')
  }
  const entries = Object.entries(d)
  if (entries.length === 0) {
    throw new ValidationError('invalidValue', 'd must containt at least one key.')
  }
  for (const [key, value] of entries) {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) continue
    const rule = 'has a forbidden type. Only strings, numbers, boolean and null are allowed.'
    throw new ValidationError('invalidValue', `d.${key} ${rule}`)
  }
  return d as DataChange
}
