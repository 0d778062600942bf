/** The errors of connect-redis-sessions, told apart by their names. */

const MESSAGES = {
  'no-token': 'This is an invalid or outdated session',
  'no-app-defined':
    'ConnectRedisSessions needs the option `app`: a string, or a function that calls back with one',
  'cookies-disabled': 'There are no req.cookies: mount cookie-parser before ConnectRedisSessions',
} as const

export function namedError(name: keyof typeof MESSAGES): Error {
  return Object.assign(new Error(MESSAGES[name]), { name })
}
