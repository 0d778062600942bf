/** The answer to a request whose session could not be read or saved, where no framework gives one. */
import { STATUS_CODES } from 'node:http'
import type { ServerResponse } from 'node:http'
import { isHttp2 } from './head.ts'

/** What the handler said about a body that is not sent. */
const OF_THE_BODY = /^(content-|etag$|last-modified$|location$|accept-ranges$|transfer-encoding$)/

/** RFC 9113 section 7. */
const INTERNAL_ERROR = 2

/**
 * Takes back the handler's answer, as far as nothing of it has left. Whoever answers instead and
 * forgets the status says that of the error.
 */
export function resetResponse(response: ServerResponse, error: unknown): void {
  for (const name of response.getHeaderNames())
    if (OF_THE_BODY.test(name)) response.removeHeader(name)
  response.statusCode = statusOf(error)
  if (!isHttp2(response)) response.statusMessage = ''
}

/** HTTP status for an error: its own, if it has a sensible one. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 && status <= 599 ? status : 500
}

/** The status and its standard text, nothing about the cause. */
export function answerFailure(response: ServerResponse, error: unknown): void {
  const status = statusOf(error)
  resetResponse(response, error)
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  if (status === 503) response.setHeader('Retry-After', '1')
  response.end(STATUS_CODES[status] ?? 'Error', 'utf8')
}

/** Ends a response whose head has left so that the client can tell that it is not complete. */
export function breakOff(response: ServerResponse): void {
  const { stream } = response as { stream?: { close(code: number): void } }
  if (stream) stream.close(INTERNAL_ERROR)
  else response.destroy()
}
