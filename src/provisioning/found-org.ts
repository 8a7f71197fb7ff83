import { newId, type OrgId } from '../domain/ids.ts'
import type { OrgSummary, Submitted } from '../domain/ports.ts'
import type { Actor, RequestFacts } from '../domain/record.ts'
import type { Provisioning } from './provisioning.ts'

/** What every product gives a person by default. */
const DEFAULT_SEATS = { models: 'full', weave: 'full' }

/** Who runs an operator's command, and when. */
export interface Operation {
  readonly actor: Actor
  readonly request: RequestFacts
}

/**
 * Makes an org with its policy and its chain.
 * @throws DomainError `uniqueness` when the name is taken
 */
export function foundOrg(provisioning: Provisioning, operation: Operation, name: string): Submitted<OrgSummary> {
  const created = operation.request.receivedAt
  const org = { id: newId<OrgId>(created), name, created }
  return provisioning.work.found({ ...org, defaultSeats: DEFAULT_SEATS }, async (stores) => {
    await stores.journal.append(org.id, {
      action: 'org.create',
      actor: operation.actor,
      request: operation.request,
      outcome: { result: 'success' },
      targets: [{ type: 'org', id: org.id, display: name }],
      changes: [
        { path: 'name', new: name },
        { path: 'defaultOrgRole', new: 'member' },
        { path: 'defaultSeats', new: Object.entries(DEFAULT_SEATS).map(([product, type]) => ({ product, type })) },
      ],
    })
    return org
  })
}
