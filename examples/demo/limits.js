/** How long a guest may stay, and on how many devices. */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The cookie ends with the browser. */
export const brief = { idleTimeout: 30 * MINUTE, absoluteTimeout: 8 * HOUR, persistent: false }

/** "Remember me": the cookie outlives the browser. */
export const remembered = { idleTimeout: 7 * DAY, absoluteTimeout: 30 * DAY, persistent: true }

/** One sign-in more ends the session that began first. */
export const mostDevices = 8
