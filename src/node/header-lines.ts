/** Adds the session's header lines to a node:http response; everybody else's stay. */
import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { Visit } from '../core/visit.ts'

type Headers = Map<string, { readonly name: string; readonly values: OutgoingHttpHeader[] }>

/**
 * To be called as the head leaves. `args` are the arguments of writeHead: headers among them would
 * replace ours, so the response takes them first, one by one, and the rest of the arguments is returned.
 */
export function addLines<Data extends object>(
  response: ServerResponse,
  visit: Pick<Visit<Data>, 'headerLines'>,
  args: readonly unknown[],
): readonly unknown[] {
  // A head may be written with its headers left undefined.
  const headArgs =
    args.at(-1) === undefined
      ? args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1)
      : args
  const lines = visit.headerLines(() => cacheControlOf(response, headArgs))
  if (lines.length === 0) return headArgs
  const headers = headersIn(headArgs)
  try {
    // node:http does the same, but keeps only the last of equal names.
    for (const { name, values } of headers?.values() ?? []) {
      response.setHeader(name, values.length === 1 ? (values[0] as string) : values.map(String))
    }
  } finally {
    for (const [name, value] of lines) addLine(response, name, value)
  }
  return headers ? headArgs.slice(0, -1) : headArgs
}

function cacheControlOf(
  response: ServerResponse,
  headArgs: readonly unknown[],
): string | undefined {
  const [value = response.getHeader('cache-control')] =
    headersIn(headArgs)?.get('cache-control')?.values ?? []
  return value === undefined ? undefined : String(value)
}

function addLine(response: ServerResponse, name: string, value: string): void {
  if (name.toLowerCase() !== 'set-cookie') return void response.setHeader(name, value)
  const present = response.getHeader(name)
  const lines = present === undefined ? [] : Array.isArray(present) ? present : [String(present)]
  response.setHeader(name, [...lines, value])
}

/** Headers by their names in lower case; undefined where there are none among the arguments. */
function headersIn(headArgs: readonly unknown[]): Headers | undefined {
  const given = headArgs.at(-1)
  if (typeof given !== 'object' || given === null) return undefined
  const headers: Headers = new Map()
  for (const [name, value] of pairsOf(given)) {
    const key = name.toLowerCase()
    const { values = [] } = headers.get(key) ?? {}
    headers.set(key, { name, values: [...values, ...[value].flat()] })
  }
  return headers
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
