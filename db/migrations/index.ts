import type { Migration } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { firstSlice } from './0001-first-slice.ts'
import { customRoles } from './0002-custom-roles.ts'
import { orgAttributes } from './0003-org-attributes.ts'
import { serviceAccounts } from './0004-service-accounts.ts'
import { rules } from './0005-rules.ts'
import { seatsAndBreaker } from './0006-seats-and-breaker.ts'
import { apiKeys } from './0007-api-keys.ts'
import { teamsByHand } from './0008-teams-by-hand.ts'
import { sessions } from './0009-sessions.ts'
import { signIn } from './0010-sign-in.ts'
import { activity } from './0012-activity.ts'
import { outbox } from './0013-outbox.ts'
import { checkpoints } from './0014-checkpoints.ts'
import { invitesAndDomains } from './0015-invites-and-domains.ts'
import { accessReviews } from './0016-access-reviews.ts'
import { joinableTeams } from './0017-joinable-teams.ts'
import { spentTokens } from './0018-spent-tokens.ts'
import { privacy } from './0019-privacy.ts'
import { delivery } from './0020-delivery.ts'
import { purge } from './0021-purge.ts'
import { leanPeriods } from './0022-lean-periods.ts'

/** Every migration in order, forward only; a released one is never edited. The key is its name in the store. */
export function migrations(dialect: Dialect): Record<string, Migration> {
  return {
    '0001-first-slice': firstSlice(dialect),
    '0002-custom-roles': customRoles(dialect),
    '0003-org-attributes': orgAttributes(dialect),
    '0004-service-accounts': serviceAccounts(dialect),
    '0005-rules': rules(dialect),
    '0006-seats-and-breaker': seatsAndBreaker(dialect),
    '0007-api-keys': apiKeys(dialect),
    '0008-teams-by-hand': teamsByHand(dialect),
    '0009-sessions': sessions(dialect),
    '0010-sign-in': signIn(dialect),
    '0012-activity': activity(dialect),
    '0013-outbox': outbox(dialect),
    '0014-checkpoints': checkpoints(dialect),
    '0015-invites-and-domains': invitesAndDomains(dialect),
    '0016-access-reviews': accessReviews(dialect),
    '0017-joinable-teams': joinableTeams(),
    '0018-spent-tokens': spentTokens(dialect),
    '0019-privacy': privacy(dialect),
    '0020-delivery': delivery(dialect),
    '0021-purge': purge(dialect),
    '0022-lean-periods': leanPeriods(),
  }
}
