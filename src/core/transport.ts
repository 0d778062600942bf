/** Contract: how a session id travels between client and server. */
import type { RejectReason } from './events.ts'
import type { SessionId } from './id.ts'

/** What the engine needs to know of a request; each adapter makes one. */
export interface RequestHead {
  /** The text of a header, its name in lower case. */
  header(name: string): string | undefined
  /** The path of the URL as the client sent it, without the query. */
  readonly path: string
  /** Whether the client spoke TLS, as far as the framework can tell. */
  readonly secure: boolean
  /** Where the request came from, as far as the framework can tell; read at a sign-in only. */
  readonly ip?: string | undefined
  /** The framework's own request, handed to hooks. */
  readonly source: unknown
}

/** What a request brought: every well-formed id (several only where cookies of one name pile up). */
export interface Claim {
  readonly ids: readonly SessionId[]
  readonly rejected?: RejectReason
}

export type HeaderLine = readonly [name: string, value: string]

/** What the client is to do with its stamp. */
export type Instruction =
  /** `until` is given for a stamp that outlives the browser: milliseconds since 1970. */
  | { readonly kind: 'set'; readonly id: SessionId; readonly until?: number }
  | { readonly kind: 'clear' }

export interface Transport {
  /** False: requests of this path have no session at all (a cookie path elsewhere). */
  covers(request: RequestHead): boolean
  read(request: RequestHead): Claim
  write(request: RequestHead, instruction: Instruction, now: number): readonly HeaderLine[]
}

/** Shared by all visitors who bring nothing. */
export const NO_CLAIM: Claim = { ids: [] }
