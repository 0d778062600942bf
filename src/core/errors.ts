/** What can go wrong, each with a stable code, the HTTP status an adapter answers with, and the remedy. */
import { types } from 'node:util'

/** The closed set of codes. A code never changes its meaning; new ones may be added. */
export type ErrorCode =
  | 'ERR_OPTION'
  | 'ERR_RESERVED_NAME'
  | 'ERR_NOT_SERIALISABLE'
  | 'ERR_TOO_LARGE'
  | 'ERR_NOT_INTEGER'
  | 'ERR_CONFLICT'
  | 'ERR_SESSION_GONE'
  | 'ERR_NOT_LOADED'
  | 'ERR_NO_SESSION'
  | 'ERR_HEAD_SENT'
  | 'ERR_IN_HOOK'
  | 'ERR_WEAK_ID'
  | 'ERR_USER_ID'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_NOT_SIGNED_IN'
  | 'ERR_NOT_FRESH'
  | 'ERR_NOT_CONFIRMED'
  | 'ERR_CSRF'
  | 'ERR_STORE'
  | 'ERR_STORE_TIMEOUT'
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_CLOSED'

const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_CONFLICT: 409,
  ERR_SESSION_GONE: 409,
  ERR_SESSION_LIMIT: 409,
  ERR_NOT_SIGNED_IN: 401,
  ERR_NOT_FRESH: 401,
  ERR_CSRF: 403,
  ERR_STORE: 503,
  ERR_STORE_TIMEOUT: 503,
  ERR_STORE_UNAVAILABLE: 503,
  ERR_CLOSED: 503,
}

/** Seconds (RFC 9110 section 10.2.3). */
const RETRY = { 'Retry-After': '1' }

/**
 * The one error class of handstamp. `message` says what to do about it; neither it nor `cause` ever
 * holds a session id, a cookie value or user data.
 *
 * `status` and `expose` follow the convention that Koa and Express read: the client sees the status
 * and its standard text, never the message.
 *
 * @example
 * if (error instanceof HandstampError && error.code === 'ERR_CONFLICT') retry()
 */
export class HandstampError extends Error {
  override readonly name: string = 'HandstampError'
  readonly code: ErrorCode
  readonly status: number
  readonly expose = false
  /** The names of the session fields concerned, where there are any. */
  readonly fields: readonly string[]

  constructor(
    code: ErrorCode,
    message: string,
    { cause, fields = [] }: { cause?: unknown; fields?: readonly string[] } = {},
  ) {
    const clean = withoutData(cause)
    super(message, clean && { cause: clean })
    this.code = code
    this.status = STATUS[code] ?? 500
    this.fields = fields
  }

  /** For the response: Koa, Express and Connect send the headers of an error. */
  get headers(): Readonly<Record<string, string>> | undefined {
    return this.status === 503 ? RETRY : undefined
  }
}

/** A wrong option, refused while the application starts. */
export function optionError(message: string): HandstampError {
  return new HandstampError('ERR_OPTION', message)
}

/** After `sessions.close()`. */
export function closedError(): HandstampError {
  return new HandstampError(
    'ERR_CLOSED',
    'These sessions were closed; the process is shutting down. Close the server first.',
  )
}

/** A change or a verb on a session that was ended, or got a new id, in the meantime. */
export function goneError(): HandstampError {
  return new HandstampError(
    'ERR_SESSION_GONE',
    'The session was ended or got a new id meanwhile; nothing was saved. Let the client repeat the request.',
  )
}

/** A new id that the client can no longer be told. */
export function headSentError(): HandstampError {
  return new HandstampError(
    'ERR_HEAD_SENT',
    'The head of the response has left, so the client cannot be given a session id any more. ' +
      'Create or regenerate the session before the first byte of the body.',
  )
}

/** An anonymous session where a user is asked for. */
export function notSignedInError(): HandstampError {
  return new HandstampError(
    'ERR_NOT_SIGNED_IN',
    'Nobody is signed in with this session; send the client to the sign-in.',
  )
}

/** A sign-in that is too long ago for what is asked for. */
export function notFreshError(): HandstampError {
  return new HandstampError(
    'ERR_NOT_FRESH',
    'The sign-in is too long ago for this action; ask for the credentials again and call session.reauthenticate().',
  )
}

/** A check that must not rest on what a near cache holds. */
export function notConfirmedError(): HandstampError {
  return new HandstampError(
    'ERR_NOT_CONFIRMED',
    'With nearCache a session that has just been revoked may still be seen here: call `await session.reload()` ' +
      'before session.requireFresh().',
  )
}

/** An increment of, by or to something else than a safe integer. */
export function notIntegerError(field: string): HandstampError {
  return new HandstampError(
    'ERR_NOT_INTEGER',
    `increment needs safe integers: the field '${field}', the step or the sum is not one. Use session.update() for other numbers.`,
    { fields: [field] },
  )
}

/** A verb that would wait for the save that waits for the hook it was called in. */
export function inHookError(): HandstampError {
  return new HandstampError(
    'ERR_IN_HOOK',
    'A verb of the session was called while beforeSave runs: the save waits for the hook. Change the fields instead.',
  )
}

/**
 * Redis clients hang the command with all its arguments (documents, that is: user data) on their
 * errors, and Redis echoes the arguments of a command it does not know. Keep name, code and sentence;
 * of what is no error nothing can be told apart from data.
 */
function withoutData(cause: unknown): Error | undefined {
  if (cause instanceof HandstampError) return cause
  if (!(cause instanceof Error || types.isNativeError(cause))) return undefined
  const clean = new Error(cause.message.replace(/,? with args beginning with:.*/s, ''))
  clean.name = cause.name
  delete clean.stack
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? Object.assign(clean, { code }) : clean
}
