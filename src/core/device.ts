/** What a user recognises one of their devices by. */
export interface Device {
  /** Such as "Firefox on Windows". */
  readonly label: string
  /** As far as the framework's proxy setting vouches for it. */
  readonly ip?: string
}
