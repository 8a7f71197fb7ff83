import type { MailId, OrgId, UserId } from './ids.ts'
import type { Mail, MailEntry, MailKind } from './mail.ts'

/** The outbox as a unit of work writes it: a mail is sent if, and only if, the change it tells of is committed. */
export interface OutboxWrites {
  /** Whether mail is sent here at all: what is only needed for a mail need not be read otherwise. */
  readonly sends: boolean
  /**
   * Puts a mail in, to be sent once the unit is committed.
   * @returns its id; undefined where nothing is kept, since no mail server is configured or the address is none that mail
   * is sent to
   */
  add(orgId: OrgId, mail: Mail): Promise<MailId | undefined>
  /** Drops what still waits for a person, of one kind, and erases it. */
  drop(orgId: OrgId, person: UserId, kind: MailKind): Promise<void>
  find(orgId: OrgId, id: MailId): Promise<MailEntry | undefined>
  /** Has a mail that waits tried at once. */
  hurry(orgId: OrgId, id: MailId): Promise<void>
  /** Gives a mail up and erases it. @returns false when it no longer waited */
  fail(orgId: OrgId, id: MailId, problem: string): Promise<boolean>
}

export interface OutboxReads {
  /** The newest mails of an org, at most `limit`. */
  list(orgId: OrgId, limit: number): Promise<readonly MailEntry[]>
  /** The newest mail of a kind to each of the people. */
  newest(orgId: OrgId, people: readonly UserId[], kind: MailKind): Promise<ReadonlyMap<UserId, MailEntry>>
}

/** A mail that is this instance's to send until `lease`, epoch milliseconds. */
export interface ClaimedMail {
  readonly orgId: OrgId
  readonly id: MailId
  readonly created: number
  /** This attempt counted. */
  readonly attempts: number
  readonly lease: number
  /** Undefined where the master key does not open it. */
  readonly mail: Mail | undefined
}

/** The outbox as its postman sees it, over all orgs. What is claimed by one instance is not given to another. */
export interface MailQueue {
  /** Mails that are due at `now`, oldest first, leased until `until`. */
  claim(now: number, until: number, limit: number): Promise<readonly ClaimedMail[]>
  /** Marks it as sent and erases it, if the lease still is this instance's. */
  sent(claimed: ClaimedMail, at: number): Promise<void>
  /** To be tried again. */
  later(claimed: ClaimedMail, next: number, problem: string): Promise<void>
  /** Forgets mails that ended before a time. */
  purge(before: number): Promise<void>
}

/** Seals what waits in the outbox, since links in it are secrets. `label` is asked for again on opening. */
export interface PayloadSealer {
  seal(label: string, text: string): string
  /** @throws Error when it was sealed under another label or key */
  open(label: string, sealed: string): string
}
