/** The public surface of `handstamp`. */
export { createSessions } from './create-sessions.ts'
export type { SessionsOptions } from './create-sessions.ts'
export type {
  ActiveSession,
  ActivityOptions,
  ActivityQuery,
  ActivityReport,
} from './core/activity.ts'
export type { Clock } from './core/clock.ts'
export type { Codec } from './core/codec.ts'
export type { Device } from './core/device.ts'
export type { Duration } from './core/duration.ts'
export type { ResolveConflict } from './core/engine.ts'
export { HandstampError } from './core/errors.ts'
export type { ErrorCode } from './core/errors.ts'
export type {
  CsrfReason,
  DropReason,
  EndedBy,
  RejectReason,
  RevokedBy,
  SessionEvents,
} from './core/events.ts'
export type { GenerateId, Handle, SessionId } from './core/id.ts'
export type {
  LifetimeOptions,
  RegenerateOptions,
  Session,
  SessionMeta,
  SessionVerbs,
  SignInOptions,
} from './core/session.ts'
export type { NearCacheOptions, NearCacheStats } from './core/near-cache.ts'
export type { StopListening } from './core/revocations.ts'
export type { ReferringSessions } from './core/referring.ts'
export type { Revocation, Revoker } from './core/revoke.ts'
export type { Sessions } from './core/sessions.ts'
export type { Health } from './core/health.ts'
export type { OnStoreFailure, OutagePolicy } from './core/outage.ts'
export type { Fault, Finding, StoreHealth } from './core/store-health.ts'
export type { BreakerState } from './core/breaker.ts'
export type { ListOptions, SessionInfo, SessionPage, UserSessions } from './core/users.ts'
export type { Store } from './core/store.ts'
export type { Transport } from './core/transport.ts'
export type { CookieOptions } from './http/cookie-options.ts'
export type { CsrfOptions } from './http/csrf-options.ts'
export type { DescribeDevice } from './http/device.ts'
export { headerTransport } from './http/header-transport.ts'
export type { HeaderTransportOptions } from './http/header-transport.ts'
