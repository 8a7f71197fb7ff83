import { type MailId, newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { MailKind } from '../domain/mail.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import type { RecordTarget } from '../domain/record.ts'

/** A mail that nobody will get. */
export interface LostMail {
  readonly orgId: OrgId
  readonly id: MailId
  readonly person: UserId | undefined
  /** Undefined where it could not be read. */
  readonly kind: MailKind | undefined
  readonly problem: string
}

/** Ends a mail as failed, erases it and says so in the log: whoever waits for it should know. */
export async function giveUp(work: UnitOfWork, { orgId, id, person, kind, problem }: LostMail): Promise<void> {
  const receivedAt = Date.now()
  const targets: readonly RecordTarget[] =
    person === undefined ? [{ type: 'org', id: orgId }] : [{ type: 'user', id: person }]
  await work.submit(orgId, async (stores) => {
    if (!(await stores.outbox.fail(orgId, id, problem))) return
    await stores.journal.append(orgId, {
      action: 'mail.fail',
      actor: { type: 'system' },
      request: { id: newId(receivedAt), receivedAt, started: performance.now() },
      outcome: { result: 'error', reason: problem, params: { mail: id, ...(kind === undefined ? {} : { kind }) } },
      targets,
    })
  }).durable
}
