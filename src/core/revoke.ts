/** Ends sessions from outside of their own requests, and says what came of it. */
import { tellRevoked } from './ended.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { HandstampError, optionError } from './errors.ts'
import type { RevokedBy } from './events.ts'
import type { Handle } from './id.ts'
import { look } from './load.ts'
import { userKeyOf } from './user.ts'
import { end } from './write.ts'

/** Who revokes: the user, from another device, or an administrator or a program. */
export type Revoker = Exclude<RevokedBy, 'limit'>

export interface Revocation {
  /** The sessions that were live and are ended. */
  readonly ended: readonly Handle[]
  /** Whether a replica has confirmed it, so that a failover cannot undo it; undefined where there is none, or no telling. */
  readonly replicated: boolean | undefined
}

/** Beyond that sessions begin faster than they can be ended. */
export const MOST_BATCHES = 10_000
/** A session that gets a new id each time we look: nobody's browser does that. */
const MOST_MOVES = 10

/** Ends the session of a handle, or what became of it since the handle was read. */
export async function revokeOne(
  engine: Engine,
  handle: Handle,
  by: Revoker,
): Promise<readonly Handle[]> {
  let at = handle
  for (let moves = 0; moves < MOST_MOVES; moves++) {
    const { loaded, successor } = await look(engine, at)
    if (!loaded && !successor) return []
    at = successor ?? at
    if (!loaded) continue
    const { signIn } = loaded.meta
    const ended = signIn
      ? await revokeOfUser(engine, signIn.userId, at, by)
      : (await end(engine, at, loaded, by)) && [at]
    if (ended && ended.length > 0) return ended
    // It moved or ended in between.
  }
  return []
}

/** Ends one session of a user; whatever is not theirs ends nothing. */
export async function revokeOfUser(
  engine: Engine,
  userId: string,
  only: Handle,
  by: Revoker,
): Promise<readonly Handle[]> {
  const { handles } = await ask(engine, 'revoke', () =>
    engine.store.users.end(userKeyOf(userId), { only, userId }),
  )
  tellRevoked(engine, handles, by, userId)
  return handles
}

/** They have ended, whatever the replicas say: a confirmation that fails is told as an event only. */
export async function confirmed(engine: Engine, ended: readonly Handle[]): Promise<Revocation> {
  if (ended.length === 0) return { ended, replicated: undefined }
  const confirming = ask(engine, 'confirm', () => engine.store.users.confirm(ended))
  return { ended, replicated: await confirming.catch(() => undefined) }
}

/** Throws ERR_OPTION. */
export function checkedRevoker(by: unknown): Revoker {
  if (by === 'user' || by === 'admin') return by
  throw optionError("Who revokes must be 'user' or 'admin'.")
}

/** Not all of them have ended, and nobody can say which. */
export function endlessError(ended: number): HandstampError {
  return new HandstampError(
    'ERR_CONFLICT',
    `Sessions begin faster than they can be ended; ${ended} were. Refuse the sign-ins first, then call again.`,
  )
}
