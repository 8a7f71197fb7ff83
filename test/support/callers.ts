import { randomUUID } from 'node:crypto'
import type { Account } from '../../src/domain/api-key.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { type KeyId, newId, type OrgId } from '../../src/domain/ids.ts'
import type { User } from '../../src/domain/user.ts'

function request(): Caller['request'] {
  return { id: randomUUID(), receivedAt: Date.now(), started: performance.now() }
}

/** The local operator, who may do everything in an org. */
export function operatorOf(orgId: OrgId): Caller {
  return { orgId, actor: { type: 'cli' }, connection: undefined, request: request() }
}

/** Whoever shows a key of a person; the rights of the org beside what their memberships say are given. */
export function personOf(orgId: OrgId, user: User, rights: Partial<Account> = {}): Caller {
  const account: Account = {
    keyId: newId<KeyId>(Date.now()),
    user: user.id,
    isService: user.accountType !== 'USER',
    isOperator: false,
    isOrgAdmin: false,
    isAuditor: false,
    isBillingAdmin: false,
    ...rights,
  }
  return { orgId, actor: { type: 'user', id: user.id }, connection: undefined, account, request: request() }
}
