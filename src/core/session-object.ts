/** The session as the application holds it: plain data as own properties, verbs on the prototype. */
import type { CsrfVerbs } from './csrf.ts'
import type { Duration } from './duration.ts'
import { guardReservedNames, isReserved } from './reserved.ts'
import type {
  Callback,
  LifetimeOptions,
  RegenerateOptions,
  SessionMeta,
  SignInOptions,
} from './session.ts'

/** What stands behind a session object: the dealings of one request. */
export interface Behind extends CsrfVerbs {
  meta(): SessionMeta
  save(): Promise<void>
  reload(): Promise<void>
  touch(): Promise<void>
  discard(): void
  regenerate(options: RegenerateOptions, replace: boolean): Promise<void>
  destroy(): Promise<void>
  setLifetime(lifetime: LifetimeOptions): void
  signIn(userId: string, options: SignInOptions): Promise<void>
  signOut(): Promise<void>
  requireFresh(maxAge: Duration): void
  reauthenticate(): Promise<void>
  update(field: string, change: (stored: unknown) => unknown): Promise<unknown>
  increment(field: string, by: number): Promise<number>
  take(field: string): Promise<unknown>
}

export class SessionObject {
  readonly #behind: Behind

  constructor(behind: Behind, fields: object) {
    this.#behind = behind
    fill(this, fields)
  }

  get meta(): SessionMeta {
    return this.#behind.meta()
  }

  save(callback?: Callback): Promise<void> {
    return settle(this.#behind.save(), callback)
  }

  reload(callback?: Callback): Promise<void> {
    return settle(this.#behind.reload(), callback)
  }

  touch(callback?: Callback): Promise<void> {
    return settle(this.#behind.touch(), callback)
  }

  discard(): void {
    this.#behind.discard()
  }

  regenerate(first?: RegenerateOptions | Callback, second?: Callback): Promise<void> {
    const [options, callback] = optionsFirst(first, second)
    return settle(this.#behind.regenerate(options, callback !== undefined), callback)
  }

  destroy(callback?: Callback): Promise<void> {
    return settle(this.#behind.destroy(), callback)
  }

  setLifetime(lifetime: LifetimeOptions): void {
    this.#behind.setLifetime(lifetime)
  }

  signIn(userId: string, first?: SignInOptions | Callback, second?: Callback): Promise<void> {
    const [options, callback] = optionsFirst(first, second)
    return settle(this.#behind.signIn(userId, options), callback)
  }

  signOut(callback?: Callback): Promise<void> {
    return settle(this.#behind.signOut(), callback)
  }

  requireFresh(maxAge: Duration): void {
    this.#behind.requireFresh(maxAge)
  }

  reauthenticate(callback?: Callback): Promise<void> {
    return settle(this.#behind.reauthenticate(), callback)
  }

  update(field: string, change: (stored: unknown) => unknown): Promise<unknown> {
    return settle(this.#behind.update(field, change))
  }

  increment(field: string, by = 1): Promise<number> {
    return settle(this.#behind.increment(field, by))
  }

  take(field: string): Promise<unknown> {
    return settle(this.#behind.take(field))
  }

  csrfToken(): Promise<string> {
    return settle(this.#behind.csrfToken())
  }

  verifyCsrf(token: unknown): boolean {
    return this.#behind.verifyCsrf(token)
  }
}

/** The two ways to call a verb with options: `(options?, callback?)` and `(callback)`. */
function optionsFirst<Options extends object>(
  first: Options | Callback | undefined,
  second: Callback | undefined,
): [options: Partial<Options>, callback: Callback | undefined] {
  return typeof first === 'function' ? [{}, first] : [first ?? {}, second]
}

/** Makes the object hold these fields and no others; reserved names are passed over. */
export function fill(session: object, fields: object): void {
  const target = session as Record<string, unknown>
  for (const name of Object.keys(target)) if (!Object.hasOwn(fields, name)) delete target[name]
  for (const name of Object.keys(fields)) {
    if (!isReserved(name)) target[name] = (fields as Record<string, unknown>)[name]
  }
}

/**
 * A verb that nobody awaits must not end the process. The end of the request tries a save or a
 * destroy again, and fails if that fails; of an increment, update or take only the event
 * `storeFailed` tells.
 */
function settle<Value>(promise: Promise<Value>, callback?: Callback): Promise<Value> {
  promise.catch(() => undefined)
  if (callback) {
    promise.then(
      () => process.nextTick(callback),
      (error: unknown) => process.nextTick(callback, error),
    )
  }
  return promise
}

guardReservedNames(SessionObject.prototype)
