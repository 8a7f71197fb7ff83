import type { Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { PayloadSealer } from '../domain/outbox.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { accessWrites } from './access-writes.ts'
import { attributeWrites } from './attribute-writes.ts'
import { breakerWrites } from './breaker-writes.ts'
import type { ChainWriter } from './chain-writer.ts'
import { apiKeyWrites } from './api-keys.ts'
import { addToCounter, countBy } from './counters.ts'
import { grantWrites } from './grant-writes.ts'
import { groupWrites } from './group-writes.ts'
import { identityWrites, type Pseudonym } from './identities.ts'
import { jobWrites } from './job-writes.ts'
import { answerWrites } from './kept-answers.ts'
import { oneTimeLinkWrites, passwordWrites } from './local-sign-in.ts'
import { linkWrites } from './link-writes.ts'
import { memberWrites } from './member-writes.ts'
import { orgWrites } from './org-writes.ts'
import { removedAccessWrites } from './removed-access.ts'
import { domainWrites } from './domain-claims.ts'
import { inviteWrites } from './invites.ts'
import { outboxWrites } from './outbox.ts'
import { reviewWrites } from './access-reviews.ts'
import { roleWrites } from './role-writes.ts'
import { ruleWrites } from './rule-writes.ts'
import { serviceWrites } from './service-writes.ts'
import { sessionWrites } from './sessions.ts'
import { spentTokenWrites } from './spent-tokens.ts'
import { privacyWrites } from './privacy.ts'
import { purgeWrites } from './purge.ts'
import { providerWrites } from './sign-in-providers.ts'
import { sinkWrites } from './sinks.ts'
import { teamWrites } from './team-writes.ts'
import { userWrites } from './user-writes.ts'

/** What the units of work of one transaction write over. */
export interface WriteParts {
  readonly db: Kysely<Database>
  readonly dialect: Dialect
  readonly chain: ChainWriter
  readonly pseudonym: Pseudonym
  /** What seals waiting mail; absent where no mail is sent. */
  readonly mails: PayloadSealer | undefined
}

/** Makes what a unit of work writes with, given its time, epoch milliseconds. */
export type WriteStoresAt = (now: number) => WriteStores

/** Everything that units of work write with, over one transaction's connection: most of it serves all of them. */
export function writeStores(parts: WriteParts): WriteStoresAt {
  const { db, dialect, chain, mails } = parts
  const shared = sharedStores(parts)
  return (now) => {
    const known = { version: undefined }
    return {
      ...shared,
      now,
      // These remember what they read or wrote within a unit, which may be rolled back.
      groups: groupWrites(db, dialect, known),
      rules: ruleWrites(db, dialect, known),
      access: accessWrites(db),
      outbox: outboxWrites(db, mails, now),
      journal: {
        nextSeq: () => chain.head.seq + 1,
        append: (_orgId, draft) => chain.append(draft, now),
        raiseEpoch: () => {
          chain.raiseEpoch()
        },
      },
    }
  }
}

function sharedStores({ db, dialect, pseudonym, mails }: WriteParts) {
  return {
    next: (orgId, counter) => addToCounter(db, orgId, counter, 1),
    count: (orgId, counter, by) => countBy(db, orgId, counter, by),
    users: userWrites(db),
    teams: teamWrites(db),
    roles: roleWrites(db),
    attributes: attributeWrites(db, dialect),
    members: memberWrites(db, dialect),
    grants: grantWrites(db),
    services: serviceWrites(db),
    jobs: jobWrites(db, dialect),
    orgs: orgWrites(db),
    links: linkWrites(db),
    breaker: breakerWrites(db, dialect),
    reviews: reviewWrites(db),
    removed: removedAccessWrites(db, dialect),
    keys: apiKeyWrites(db),
    sessions: sessionWrites(db),
    spentTokens: spentTokenWrites(db),
    passwords: passwordWrites(db),
    oneTimeLinks: oneTimeLinkWrites(db),
    answers: answerWrites(db),
    identities: identityWrites(db, dialect, pseudonym),
    sinks: sinkWrites(db),
    invites: inviteWrites(db),
    domains: domainWrites(db),
    providers: providerWrites(db),
    privacy: privacyWrites(db, mails),
    purge: purgeWrites(db),
  } satisfies Partial<WriteStores>
}
