/** A server program as a process of its own, from its first answer to its end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../../tools/redis/port.mjs'
import { until } from '../../tools/redis/until.mjs'

export interface ServerProcess {
  readonly origin: string
  readonly port: number
  /** All that it has printed so far. */
  output(): string
  signal(name: NodeJS.Signals): void
  end(): Promise<void>
}

/** A session of nobody, so that the server has to ask its store. */
const COOKIE = ['sid', 'demo-sid'].map((name) => `${name}=${'0'.repeat(46)}`).join('; ')

/**
 * Starts `node <file>` with `PORT` and more variables; resolves once it answers, with a store that is
 * connected unless there is none to wait for.
 */
export async function startServer(
  file: string,
  env: Record<string, string> = {},
  { port, hasStore = true }: { port?: number; hasStore?: boolean } = {},
): Promise<ServerProcess> {
  const taken = port ?? (await freePort())
  const program = run(file, { PORT: String(taken), ...env })
  const origin = `http://localhost:${taken}`
  try {
    await until(`${file} answers on port ${taken}`, async () => {
      if (program.isOver()) return true
      const { status } = await fetch(origin, { method: 'HEAD', headers: { cookie: COOKIE } })
      return status !== 503 || !hasStore
    })
    if (program.isOver()) throw new Error(`${file} has ended: ${program.output()}`)
  } catch (error) {
    await program.end()
    throw error
  }
  const { output, signal, end } = program
  return { origin, port: taken, output, signal, end }
}

/** Runs a program that ends by itself. */
export async function runToEnd(
  file: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const program = run(file, env)
  return { code: await program.code, output: program.output() }
}

function run(file: string, env: Record<string, string>) {
  const { NODE_ENV: _, REDIS_URL: __, ...inherited } = process.env
  const child = spawn(process.execPath, [file], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const code = once(child, 'close').then(([status]) => status as number | null)
  return {
    code,
    output: () => output,
    isOver: () => child.exitCode !== null,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    end: async () => {
      child.kill()
      await code
    },
  }
}
