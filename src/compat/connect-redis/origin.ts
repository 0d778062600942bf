/**
 * Was this session loaded from the store, and under which id? Only then a save updates a record and
 * never creates one: a slow request must not bring back a session that was destroyed meanwhile.
 */

/** Where @fastify/session keeps what a loaded cookie carried. */
const RECORD = Symbol('record')

/** Told by the identity of the objects, which go as they came; nothing is kept of their ids. */
export class Origins {
  readonly #ids = new WeakMap<object, string>()

  /** From now on the object stands for the record of this id. */
  note(session: unknown, sid: string): void {
    if (isObject(session)) this.#ids.set(session, sid)
  }

  /**
   * The same for a record that is handed out. express-session hands it on to createSession().
   * @fastify/session copies its fields into a new object, and remembers all that `cookie.toJSON()`
   * gives, symbols too: this is how its copies are known. Not enumerable, the method is in no copy, no
   * comparison and no JSON.
   */
  lend(record: unknown, sid: string): void {
    this.note(record, sid)
    if (!isObject(record) || !('cookie' in record)) return
    const { cookie } = record
    if (!isObject(cookie) || !Object.isExtensible(cookie) || 'toJSON' in cookie) return
    const toJSON = (): object => ({ ...cookie, [RECORD]: record })
    Object.defineProperty(cookie, 'toJSON', { value: toJSON, configurable: true, writable: true })
  }

  has(session: object, sid: string): boolean {
    if (this.#ids.get(session) === sid) return true
    return Object.getOwnPropertySymbols(session).some((symbol) => {
      const carried: unknown = Reflect.get(session, symbol)
      if (!isObject(carried) || !(RECORD in carried)) return false
      return isObject(carried[RECORD]) && this.#ids.get(carried[RECORD]) === sid
    })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
