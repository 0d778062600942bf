/** Adds the session's header lines to a node:http response; everybody else's stay. */
import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { Visit } from '../core/visit.ts'

export function addLines<Data extends object>(response: ServerResponse, visit: Visit<Data>): void {
  const present = response.getHeader('cache-control')
  for (const [name, value] of visit.headerLines(
    present === undefined ? undefined : String(present),
  )) {
    addLine(response, name, value)
  }
}

function addLine(response: ServerResponse, name: string, value: string): void {
  if (name.toLowerCase() !== 'set-cookie') return void response.setHeader(name, value)
  const present = response.getHeader(name)
  const lines = present === undefined ? [] : Array.isArray(present) ? present : [String(present)]
  response.setHeader(name, [...lines, value])
}

/**
 * The arguments of writeHead. Headers among them would replace the lines that were added before, so
 * where both are given the response takes them one by one, cookies added to cookies.
 */
export function mergeHead(response: ServerResponse, args: unknown[]): unknown[] {
  const headers = args.at(-1)
  if (typeof headers !== 'object' || headers === null || !response.hasHeader('set-cookie'))
    return args
  for (const [name, value] of pairsOf(headers)) {
    if (name.toLowerCase() === 'set-cookie')
      for (const line of [value].flat()) addLine(response, name, String(line))
    else if (name.toLowerCase() !== 'cache-control') response.setHeader(name, value)
  }
  return args.slice(0, -1)
}

/** node:http takes an object, a flat list of names and values, or a list of pairs. */
function pairsOf(headers: object): [string, OutgoingHttpHeader][] {
  if (!Array.isArray(headers)) return Object.entries(headers) as [string, OutgoingHttpHeader][]
  if (Array.isArray(headers[0])) return headers as [string, OutgoingHttpHeader][]
  const pairs: [string, OutgoingHttpHeader][] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    pairs.push([String(headers[at]), headers[at + 1] as OutgoingHttpHeader])
  }
  return pairs
}
