import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { requireOrgAdmin } from './caller-right.ts'

/**
 * Who gets what by which group is for administrators to say: no connection may, since what it pushes is what the rules
 * are there to judge.
 * @throws DomainError `forbidden`
 */
export function checkMayWriteRules(caller: Caller): void {
  if (caller.connection === undefined) return requireOrgAdmin(caller)
  const { connection } = caller
  throw new DomainError(
    'forbidden',
    `The connection "${connection.name}" may not change rules; an administrator does, by the API or the command line`,
    { reason: 'rule.not-allowed' },
  )
}
