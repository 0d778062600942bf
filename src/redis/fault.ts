/** What the failure of a command means; told by the code that Redis puts first in an error. */
import type { Fault } from '../core/store-health.ts'

/** Of a server that starts, hangs in a script, or has lost its master or its slots: it did nothing. */
const DOWN = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN)\b/
/** Of a server that was the master a moment ago, or is about to be rid of a slot. */
const PASSING = /^(READONLY|NOREPLICAS|TRYAGAIN|MOVED|ASK)\b/
/** `ERR …`, `WRONGTYPE …`, `OOM …`: there is a server that answers. */
const REPLY = /^[A-Z]{3,}\b/

/** Redis 6 puts what a script met behind words of its own. */
const IN_SCRIPT = /^ERR Error running script .*? -(?=[A-Z]{3,} )/

/** What the server said, without them: a code first. */
export function serverWords(message: string): string {
  return message.replace(IN_SCRIPT, '')
}

export function faultOf(error: unknown): Fault {
  // A command that the client would not send, or a reply that is none, is no fault of the connection.
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError)
    return 'refused'
  const { name, code } = error as Error & { code?: unknown }
  const message = serverWords(error.message)
  if (DOWN.test(message)) return 'down'
  if (PASSING.test(message)) return 'passing'
  // Ours: it was not sent.
  if (name === 'HandstampError') return code === 'ERR_STORE' ? 'down' : 'refused'
  // Of the system: ECONNREFUSED, ECONNRESET …; some say no more than that.
  if (typeof code === 'string') return 'lost'
  return REPLY.test(message) ? 'refused' : 'lost'
}

/** Something stands there that nobody of ours has written. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE')
}

/** Of a server in cluster mode, to a client that does not know of it: keys of several slots in one command. */
export function isCrossSlot(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('CROSSSLOT')
}
