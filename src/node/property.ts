/** Puts the session where the users of a framework look for it: `ctx.session`, `req.session`. */
import { optionError } from '../core/errors.ts'
import type { Sessions } from '../core/sessions.ts'
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

/** Whose sessions a property of a prototype shows, by the prototype. */
const shown = new WeakMap<object, Map<string, Set<Sessions<object>>>>()

/**
 * Puts a property on requests that reads and replaces the session; assigning null destroys it. `idProperty`
 * reads its id. What is returned throws ERR_OPTION where the property is taken; `home` is the prototype
 * that the framework lends its requests, where the property costs nothing per request.
 */
export function sessionProperty<Data extends object>(
  sessions: Sessions<Data>,
  property: string,
  idProperty?: string,
): (carrier: object, home: object | undefined) => void {
  const own = sessions as unknown as Sessions<object>
  return (carrier, home) => {
    const target = home ?? carrier
    const owners = shown.get(target)?.get(property)
    if (owners ? isTaken(carrier, property, owners, own) : property in carrier)
      throw takenError(property)
    if (owners) owners.add(own)
    else expose(target, property, idProperty, own)
  }
}

/** An engine of other paths may show its sessions there, too, but one request has one. */
function isTaken(
  carrier: object,
  property: string,
  owners: ReadonlySet<Sessions<object>>,
  own: Sessions<object>,
): boolean {
  if (owners.size === 1 && owners.has(own)) return Object.hasOwn(carrier, property)
  return [...owners].some((other) => other !== own && other.visitOf(carrier) !== undefined)
}

function expose(
  target: object,
  property: string,
  idProperty: string | undefined,
  own: Sessions<object>,
): void {
  const owners = new Set([own])
  const properties = shown.get(target) ?? new Map<string, Set<Sessions<object>>>()
  shown.set(target, properties.set(property, owners))
  const visitOf = (carrier: object): Visit<object> | undefined => {
    for (const owner of owners) {
      const visit = owner.visitOf(carrier)
      if (visit) return visit
    }
    return undefined
  }
  Object.defineProperty(target, property, {
    get(this: object) {
      return visitOf(this)?.session
    },
    set(this: object, value: unknown) {
      const visit = visitOf(this)
      if (visit) visit.assign(value)
      // As if the property were not there.
      else
        Object.defineProperty(this, property, {
          value,
          configurable: true,
          enumerable: true,
          writable: true,
        })
    },
    configurable: true,
    enumerable: true,
  })
  if (idProperty === undefined) return
  Object.defineProperty(target, idProperty, {
    get(this: object) {
      return visitOf(this)?.id
    },
    configurable: true,
  })
}

function takenError(property: string): Error {
  return optionError(
    `'${property}' is taken on this request: another session middleware is mounted. Remove it, or mount with { property }.`,
  )
}
