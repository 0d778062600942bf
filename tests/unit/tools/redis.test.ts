import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from '../../../tools/redis/ask.mjs'
import { startRedis } from '../../../tools/redis/start.mjs'
import { processOf } from '../../../tools/redis/process.mjs'
import { until } from '../../../tools/redis/until.mjs'

/** A process that starts a single server, prints where it is, then does as told. */
const program = `
  import { startRedis } from '${new URL('../../../tools/redis/start.mjs', import.meta.url).href}'
  const { single, folder } = await startRedis({ single: true })
  console.log(JSON.stringify({ port: single.port, folder }))
`

test('a server ends with the process that started it, even if that is killed', async () => {
  const user = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `${program}; setInterval(() => {}, 1000)`,
  ])
  const { port, folder } = await whereabouts(user)
  expect(await ask(port, 'PING')).toBe('PONG')
  expect(existsSync(folder)).toBe(true)

  user.kill('SIGKILL')

  await serverEnds(port, folder)
})

test('a server that was killed starts again on its port', async () => {
  const { single, restart, stop } = await startRedis({ single: true })
  onTestFinished(stop)
  const pid = await processOf(single.port)
  process.kill(pid, 'SIGKILL')
  await restart(single.port)
  expect(await processOf(single.port)).not.toBe(pid)
  await expect(restart(1)).rejects.toThrow(/no server to start again/)
})

test('a server ends with a process that forgets to stop it, and does not keep that process alive', async () => {
  const user = spawn(process.execPath, ['--input-type=module', '--eval', program])
  const exit = once(user, 'exit')
  const { port, folder } = await whereabouts(user)

  expect(await exit).toEqual([0, null])

  await serverEnds(port, folder)
})

test('a server is gone once stop() has resolved', async () => {
  const { single, folder, stop } = await startRedis({ single: true })
  expect(await ask(single.port, 'PING')).toBe('PONG')

  await stop()

  await expect(ask(single.port, 'PING')).rejects.toThrow('Connection is closed')
  expect(existsSync(folder)).toBe(false)
})

async function whereabouts(user: ReturnType<typeof spawn>) {
  const [line] = (await once(user.stdout ?? process.stdin, 'data')) as [Buffer]
  return JSON.parse(line.toString()) as { port: number; folder: string }
}

async function serverEnds(port: number, folder: string): Promise<void> {
  await until(`no server answers on port ${port}`, () =>
    ask(port, 'PING').then(
      () => false,
      () => true,
    ),
  )
  await until(`${folder} is gone`, () => !existsSync(folder))
}
