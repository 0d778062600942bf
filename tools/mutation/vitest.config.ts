/** The tests that run for each mutant: fast, without servers. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    pool: 'forks',
    include: ['tests/unit/{core,http,redis}/**/*.test.ts', 'tests/contract/memory.test.ts'],
    // A mutant that never ends is found out by Stryker.
    testTimeout: 20_000,
  },
})
