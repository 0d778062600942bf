/** Puts the session where the users of a framework look for it: `ctx.session`, `req.session`. */
import { optionError } from '../core/errors.ts'
import type { Sessions } from '../core/sessions.ts'

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

/**
 * Puts a property on requests that reads and replaces the session; assigning null destroys it. What is
 * returned throws ERR_OPTION where the property is taken.
 */
export function sessionProperty<Data extends object>(
  sessions: Sessions<Data>,
  property: string,
): (carrier: object) => void {
  // One accessor for all requests: V8 makes a slow dictionary of an object with functions of its own.
  const accessor: PropertyDescriptor & ThisType<object> = {
    get() {
      return sessions.visitOf(this)?.session
    },
    set(value: unknown) {
      sessions.visitOf(this)?.assign(value)
    },
    configurable: true,
    enumerable: true,
  }
  return (carrier) => {
    if (property in carrier) {
      throw optionError(
        `'${property}' is taken on this request: another session middleware is mounted. Remove it, or mount with { property }.`,
      )
    }
    Object.defineProperty(carrier, property, accessor)
  }
}
