/** Where what was fetched for the matrix stays until it is deleted by hand. */
import { fileURLToPath } from 'node:url'

export const cacheFolder = fileURLToPath(new URL('../../.cache/matrix', import.meta.url))
