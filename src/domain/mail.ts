import type { MailId, UserId } from './ids.ts'

/**
 * What a mail says, as facts: its words are made when it is sent. `org` is the organisation's name, `link` a path of this
 * gateway (it may hold a secret), times are epoch milliseconds.
 */
export type MailContent =
  | { readonly kind: 'test' }
  | {
      readonly kind: 'invite'
      readonly org: string
      /** Who invited, as people know them; absent where it was no person. */
      readonly by?: string
      readonly link: string
      readonly expires: number
    }
  | { readonly kind: 'password-reset'; readonly org: string; readonly link: string; readonly expires: number }
  /** To the address a person had before. */
  | { readonly kind: 'address-changed'; readonly org: string; readonly userName: string }
  | { readonly kind: 'last-admin'; readonly org: string; readonly connection: string }
  | {
      readonly kind: 'breaker'
      readonly org: string
      readonly connection: string
      /** `hold` keeps what goes beyond the limit for an admin to decide. */
      readonly mode: 'alert' | 'hold'
      /** How many people may be lost within the window. */
      readonly most: number
    }
  /** The DNS does not show the proof of a domain any more; it lapses at `until`. */
  | { readonly kind: 'domain-failing'; readonly org: string; readonly domain: string; readonly until: number }
  | { readonly kind: 'domain-lapsed'; readonly org: string; readonly domain: string }
  | {
      readonly kind: 'admin-withheld'
      readonly org: string
      readonly connection: string
      readonly userName: string
    }

export type MailKind = MailContent['kind']

/** A mail to one address. */
export interface Mail {
  readonly to: string
  /** Whose mail it is: it is dropped when they no longer are to get it. */
  readonly person?: UserId
  readonly content: MailContent
}

/** `dropped`: it was no longer wanted before it was sent. */
export type MailState = 'waiting' | 'sent' | 'failed' | 'dropped'

/** A mail as the outbox shows it. Address and words are erased as soon as it no longer waits. */
export interface MailEntry {
  readonly id: MailId
  readonly kind: MailKind
  readonly person: UserId | undefined
  readonly state: MailState
  /** How often it was handed to the mail server. */
  readonly attempts: number
  readonly created: number
  /** When it is tried next; undefined when it no longer waits. */
  readonly next: number | undefined
  /** When it was sent, given up or dropped. */
  readonly ended: number | undefined
  /** Why the last attempt failed, such as `smtp.refused 550`. Never the server's own words. */
  readonly problem: string | undefined
}
