/** Loads a package that the replaced one brought along, where the application has it installed. */
import { createRequire } from 'node:module'
import { optionError } from '../core/errors.ts'

const require = createRequire(import.meta.url)

/**
 * At once, as the originals construct their clients within a constructor. Throws ERR_OPTION where the
 * package is not installed.
 */
export function loadPeer(name: string, purpose: string): unknown {
  try {
    return require(name)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    throw optionError(`${purpose} needs the package ${name}: \`npm install ${name}\`.`)
  }
}
