/** How `npm test` runs: tests from source, against real Redis servers that it starts itself. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** These need no server, so running only them starts none. All other tests have all servers. */
const withoutServers = [
  'tests/architecture.test.ts',
  'tests/types/types.test.ts',
  'tests/unit/{core,http,redis}/**/*.test.ts',
]

export default defineConfig({
  resolve: { alias: ownNames() },
  test: {
    pool: 'forks',
    // Two cores serve the tests and, at times, thirteen servers.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'pure', include: withoutServers },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['tests/**/*.test.ts'],
          exclude: withoutServers,
          globalSetup: 'tests/support/servers.ts',
        },
      },
    ],
  },
})

/** `handstamp/koa` and the other names that users import, each as its file under src/. */
function ownNames(): { find: RegExp; replacement: string }[] {
  const { exports } = JSON.parse(
    readFileSync(new URL('package.json', import.meta.url), 'utf8'),
  ) as {
    exports: Record<string, string | { default: string }>
  }
  return Object.entries(exports).flatMap(([name, target]) => {
    if (typeof target === 'string') return []
    const source = target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')
    const replacement = fileURLToPath(new URL(source, import.meta.url))
    return { find: new RegExp(`^handstamp${name.slice(1)}$`), replacement }
  })
}
