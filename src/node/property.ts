/** Puts the session where the users of a framework look for it: `ctx.session`, `req.session`. */
import { optionError } from '../core/errors.ts'
import type { Visit } from '../core/visit.ts'
import { findVisit } from '../core/visits.ts'

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

/** Which properties a prototype shows, whosever sessions they are. */
const shown = new WeakMap<object, Set<string>>()

/**
 * Puts a property on requests that reads and replaces the session; assigning null destroys it. `idProperty`
 * reads its id. What is returned throws ERR_OPTION where the property is taken; `home` is the prototype
 * that the framework lends its requests, where the property costs nothing per request.
 */
export function sessionProperty(
  property: string,
  idProperty?: string,
): <Data extends object>(carrier: object, visit: Visit<Data>, home: object | undefined) => void {
  const isShown = (visit: Visit<object>): boolean => visit.shownAs === property
  const visitOf = (carrier: object): Visit<object> | undefined => findVisit(carrier, isShown)
  return (carrier, visit, home) => {
    if (home && shown.get(home)?.has(property)) {
      if (Object.hasOwn(carrier, property) || visitOf(carrier)) throw takenError(property)
    } else {
      if (property in carrier) throw takenError(property)
      expose(home ?? carrier, property, idProperty, visitOf)
    }
    visit.shownAs = property
    if (home) shown.set(home, (shown.get(home) ?? new Set<string>()).add(property))
  }
}

function expose(
  target: object,
  property: string,
  idProperty: string | undefined,
  visitOf: (carrier: object) => Visit<object> | undefined,
): void {
  const lend = (
    name: string,
    read: (visit: Visit<object>) => unknown,
    assign: (visit: Visit<object>, value: unknown) => void,
  ): PropertyDescriptor => ({
    get(this: object) {
      const visit = visitOf(this)
      return visit && read(visit)
    },
    set(this: object, value: unknown) {
      const visit = visitOf(this)
      if (visit) assign(visit, value)
      // As if the property were not there: other routes may have a session library that sets it.
      else Object.defineProperty(this, name, { ...PLAIN, value })
    },
    configurable: true,
  })
  const session = lend(
    property,
    (visit) => visit.session,
    (visit, value) => visit.assign(value),
  )
  Object.defineProperty(target, property, { ...session, enumerable: true })
  if (idProperty === undefined) return
  const id = lend(
    idProperty,
    (visit) => visit.id,
    () => {
      throw takenError(idProperty)
    },
  )
  Object.defineProperty(target, idProperty, id)
}

const PLAIN = { configurable: true, enumerable: true, writable: true }

function takenError(property: string): Error {
  return optionError(
    `'${property}' is taken on this request: another session middleware is mounted. Remove it, or mount with { property }.`,
  )
}
