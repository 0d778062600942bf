/** What the methods of redis-sessions take and give. */
import type { Session } from './record.ts'
import type { Data } from './validate.ts'

type Text = string | number
export interface AppOf {
  /** 3 to 20 letters, digits, `_` or `-`. */
  readonly app: Text
}
export interface TokenOf extends AppOf {
  readonly token: string
}
export interface IdOf extends AppOf {
  readonly id: Text
}
export interface DeltaOf extends AppOf {
  /** Seconds, at least 10. */
  readonly deltaTime?: Text
  /** The same, as it was called before version 4. */
  readonly dt?: Text
}
export interface CreateOptions<D> extends IdOf {
  readonly ip: string
  /** Seconds without use, at least 10. Default 7200. */
  readonly ttl?: Text
  readonly d?: { readonly [Key in keyof D]: D[Key] | null }
  /** True: the session ends `ttl` seconds after its creation, whatever the use. */
  readonly no_resave?: boolean
}
export interface GetOptions extends TokenOf {
  /** True: does not count, and does not slide. */
  readonly _noupdate?: boolean
  /** True: past the cache. */
  readonly _nocache?: boolean
}
export interface SetOptions<D> extends TokenOf {
  /** Keys to change; null removes one. Others stay. */
  readonly d: { readonly [Key in keyof D]?: D[Key] | null }
  /** Has no effect, as in the original. */
  readonly no_resave?: boolean
}
/** Callbacks get an empty object where there is no session, promises get null. */
export type Found<D extends Data> = Session<D> | Record<string, never>

export interface Killed {
  kill: number
}
