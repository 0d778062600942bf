/** Sessions have ended: who is told, here and in other processes, and what forgets them. */
import { forgetActive } from './activity.ts'
import type { Engine } from './engine.ts'
import type { EndedBy, RevokedBy } from './events.ts'
import type { Handle } from './id.ts'
import { userKeyOf } from './user.ts'
import type { UserKey } from './user.ts'

/** Somebody else than its own request ended sessions; to be called when the store has acknowledged it. */
export function tellRevoked(
  engine: Engine,
  handles: readonly Handle[],
  by: RevokedBy,
  userId: string | undefined,
): void {
  for (const handle of handles) engine.events.tell('revoked', { handle, userId, by })
  depart(engine, handles, by, userId === undefined ? undefined : userKeyOf(userId))
}

/** Its own request ended a session; to be called when the store has acknowledged it. */
export function tellDestroyed(engine: Engine, handle: Handle, owner: UserKey | undefined): void {
  engine.events.tell('destroyed', { handle })
  depart(engine, [handle], 'owner', owner)
}

function depart(
  engine: Engine,
  handles: readonly Handle[],
  by: EndedBy,
  owner: UserKey | undefined,
): void {
  engine.revocations.announce(handles, by)
  forgetActive(engine, handles, owner)
}
