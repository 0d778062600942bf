/** The answer to a request whose session could not be read or saved, where no framework gives one. */
import { STATUS_CODES } from 'node:http'
import type { ServerResponse } from 'node:http'

/** What the handler said about a body that is not sent. */
const OF_THE_BODY = /^(content-|etag$|last-modified$|location$|accept-ranges$|transfer-encoding$)/

/** Takes back the handler's answer, as far as nothing of it has left. */
export function resetResponse(response: ServerResponse): void {
  for (const name of response.getHeaderNames())
    if (OF_THE_BODY.test(name)) response.removeHeader(name)
  response.statusCode = 200
  // HTTP/2 has none, and warns.
  if (response.req.httpVersionMajor < 2) response.statusMessage = ''
}

/** HTTP status for an error: its own, if it has a sensible one. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 && status <= 599 ? status : 500
}

/** The status and its standard text, nothing about the cause; `end` bypasses what others put in front. */
export function answerFailure(
  response: ServerResponse,
  error: unknown,
  end: ServerResponse['end'] = response.end,
): void {
  const status = statusOf(error)
  resetResponse(response)
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  if (status === 503) response.setHeader('Retry-After', '1')
  end.call(response, STATUS_CODES[status] ?? 'Error', 'utf8')
}
