/** The metadata of a session as the application sees them. */
import type { Device } from './device.ts'
import type { Meta } from './document.ts'
import type { Handle, SessionId } from './id.ts'
import { expiryOf, signedInAtOf } from './policy.ts'
import type { SessionMeta } from './session.ts'

/** The id is the client's secret: there for who asks, invisible to who prints, copies or serialises. */
export class PrintableMeta implements SessionMeta {
  readonly #id: SessionId | undefined
  readonly handle: Handle | undefined
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  readonly idleDeadline: Date
  readonly absoluteDeadline: Date
  readonly persistent: boolean
  readonly isNew: boolean
  readonly isStale: boolean
  readonly userId: string | undefined
  readonly signedInAt: Date | undefined
  readonly device: Device | undefined

  constructor(
    handle: Handle | undefined,
    id: SessionId | undefined,
    meta: Meta,
    isNew: boolean,
    isStale: boolean,
  ) {
    this.#id = id
    this.handle = handle
    this.createdAt = new Date(meta.createdAt)
    this.lastSeenAt = new Date(meta.lastSeenAt)
    this.expiresAt = new Date(expiryOf(meta))
    this.idleDeadline = new Date(meta.lastSeenAt + meta.idleTimeout)
    this.absoluteDeadline = new Date(meta.absoluteDeadline)
    this.persistent = meta.persistent
    this.isNew = isNew
    this.isStale = isStale
    const { signIn } = meta
    this.userId = signIn?.userId
    this.signedInAt = signedInAtOf(meta)
    // A copy: what is decoded may be shared with other requests.
    this.device = signIn?.device && { ...signIn.device }
  }

  get id(): SessionId | undefined {
    return this.#id
  }
}
