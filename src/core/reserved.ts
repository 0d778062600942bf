/** The names that session data cannot have, because the session's verbs and metadata bear them. */
import { HandstampError } from './errors.ts'

/** Holds the metadata in a stored document. */
export const META_FIELD = '@'

/** Verbs of the session and the two names that JSON or JavaScript give a meaning of its own. */
export const RESERVED = [
  '@',
  '__proto__',
  'meta',
  'save',
  'reload',
  'touch',
  'discard',
  'regenerate',
  'destroy',
  'setLifetime',
  'update',
  'increment',
  'take',
  'signIn',
  'signOut',
  'reauthenticate',
  'requireFresh',
  'csrfToken',
  'verifyCsrf',
] as const

export type ReservedName = (typeof RESERVED)[number]

const names: ReadonlySet<string> = new Set(RESERVED)

export function isReserved(name: string): boolean {
  return names.has(name)
}

export function reservedError(name: string): HandstampError {
  return new HandstampError(
    'ERR_RESERVED_NAME',
    `'${name}' is a verb of the session and cannot hold data; choose another field name.`,
    { fields: [name] },
  )
}

/** A plain assignment such as `session.save = 1` would hide the verb without a word: refuse it instead. */
export function guardReservedNames(prototype: object): void {
  for (const name of RESERVED) {
    const own = Object.getOwnPropertyDescriptor(prototype, name)
    const verb: unknown = own?.value
    Object.defineProperty(prototype, name, {
      get: own?.get ?? (() => verb),
      set: () => {
        throw reservedError(name)
      },
      enumerable: false,
      configurable: false,
    })
  }
}
