/** Puts the session where the users of a framework look for it: `ctx.session`, `req.session`. */
import { optionError } from '../core/errors.ts'
import type { Visit } from '../core/visit.ts'

export interface MountOptions {
  /** Load the session only when `getSession` asks for it; `session` itself then throws ERR_NOT_LOADED. Default false. */
  readonly lazy?: boolean
  /** Another name than `session`, for several engines in one app. */
  readonly property?: string
}

/** Throws ERR_OPTION for what the middleware would otherwise find out at the first request, or never. */
export function checkedMount(sessions: unknown, options: MountOptions): Required<MountOptions> {
  if (typeof (sessions as { begin?: unknown } | undefined)?.begin !== 'function') {
    throw optionError('The first argument of session() is what createSessions() returned.')
  }
  const { lazy = false, property = 'session', ...unknown } = options
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw optionError(`session() has no option '${name}'; it takes lazy and property.`)
  }
  return { lazy, property }
}

/** The property reads and replaces the session; assigning null destroys it. */
export function exposeSession<Data extends object>(
  carrier: object,
  property: string,
  visit: Visit<Data>,
): void {
  if (property in carrier) {
    throw optionError(
      `'${property}' is taken on this request: another session middleware is mounted. Remove it, or mount with { property }.`,
    )
  }
  Object.defineProperty(carrier, property, {
    get: () => visit.session,
    set: (value: unknown) => {
      visit.assign(value)
    },
    configurable: true,
    enumerable: true,
  })
}
