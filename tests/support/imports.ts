/** What does a source file import, and do files import each other in a circle? */

export interface Import {
  /** The text between the quotes. */
  readonly specifier: string
  /** `type`: gone after compilation. `dynamic`: loaded only when that line runs. */
  readonly kind: 'value' | 'type' | 'dynamic'
}

// Statements begin at the start of a line (oxfmt sees to it), so examples in comments do not match.
const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w$*{},\s]*?\sfrom\s+)?'([^']+)'/gm
const CALL = /^(?!\s*(?:\*|\/\/)).*?\bimport\('([^']+)'\)/gm

export function importsOf(source: string): Import[] {
  return [
    ...Array.from(source.matchAll(STATEMENT), ([, type, specifier = '']): Import => {
      return { specifier, kind: type === undefined ? 'value' : 'type' }
    }),
    ...Array.from(source.matchAll(CALL), ([, specifier = '']): Import => {
      return { specifier, kind: 'dynamic' }
    }),
  ]
}

/** One circle of the graph, as the nodes along it with the first one repeated; undefined if there is none. */
export function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  const path: string[] = []

  function visit(node: string): string[] | undefined {
    if (done.has(node)) return undefined
    const start = path.indexOf(node)
    if (start !== -1) return [...path.slice(start), node]
    path.push(node)
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next)
      if (circle) return circle
    }
    path.pop()
    done.add(node)
    return undefined
  }

  for (const node of graph.keys()) {
    const circle = visit(node)
    if (circle) return circle
  }
  return undefined
}
