import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'

/**
 * Who gets what by which group is for administrators to say: no connection may, since what it pushes is what the rules
 * are there to judge.
 * @throws DomainError `forbidden`
 */
export function checkMayWriteRules({ connection }: Caller): void {
  if (connection === undefined) return
  throw new DomainError(
    'forbidden',
    `The connection "${connection.name}" may not change rules; an administrator does, by the API or the command line`,
    { reason: 'rule.not-allowed' },
  )
}
