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
import { addToCounter } from './counters.ts'
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
import { providerWrites } from './sign-in-providers.ts'
import { sinkWrites } from './sinks.ts'
import { teamWrites } from './team-writes.ts'
import { userWrites } from './user-writes.ts'

/** What one unit of work writes over. */
export interface WriteParts {
  readonly db: Kysely<Database>
  readonly dialect: Dialect
  readonly chain: ChainWriter
  readonly now: number
  readonly pseudonym: Pseudonym
  /** What seals waiting mail; absent where no mail is sent. */
  readonly mails: PayloadSealer | undefined
}

/** Everything a unit of work writes with, over one transaction's connection. */
export function writeStores({ db, dialect, chain, now, pseudonym, mails }: WriteParts): WriteStores {
  const known = { version: undefined }
  return {
    now,
    next: (orgId, counter) => addToCounter(db, orgId, counter, 1),
    async count(orgId, counter, by) {
      await addToCounter(db, orgId, counter, by)
    },
    users: userWrites(db),
    groups: groupWrites(db, dialect, known),
    teams: teamWrites(db),
    roles: roleWrites(db),
    rules: ruleWrites(db, dialect, known),
    attributes: attributeWrites(db, dialect),
    members: memberWrites(db, dialect),
    access: accessWrites(db),
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
    outbox: outboxWrites(db, mails, now),
    sinks: sinkWrites(db),
    invites: inviteWrites(db),
    domains: domainWrites(db),
    providers: providerWrites(db),
    privacy: privacyWrites(db, mails),
    journal: {
      nextSeq: () => chain.head.seq + 1,
      append: (_orgId, draft) => chain.append(draft, now),
      raiseEpoch: () => {
        chain.raiseEpoch()
      },
    },
  }
}
