import { newId, type OrgId } from '../domain/ids.ts'
import type { OrgSummary, Submitted } from '../domain/ports.ts'
import type { Actor, RequestFacts } from '../domain/record.ts'
import type { OrgSeed, WriteStores } from '../domain/write-ports.ts'
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
  const seed = seedOf(operation, name)
  return provisioning.work.found(seed, async (stores) => {
    await recordOrg(stores, operation, seed)
    return { id: seed.id, name, created: seed.created }
  })
}

/** What an org of that name starts with. */
export function seedOf(operation: Operation, name: string): OrgSeed {
  const created = operation.request.receivedAt
  return { id: newId<OrgId>(created), name, created, defaultSeats: DEFAULT_SEATS }
}

/** The record of an org's making, within the unit of work that makes it. */
export async function recordOrg(stores: WriteStores, operation: Operation, seed: OrgSeed): Promise<void> {
  const seats = Object.entries(seed.defaultSeats).map(([product, type]) => ({ product, type }))
  await stores.journal.append(seed.id, {
    action: 'org.create',
    actor: operation.actor,
    request: operation.request,
    outcome: { result: 'success' },
    targets: [{ type: 'org', id: seed.id, display: seed.name }],
    changes: [
      { path: 'name', new: seed.name },
      { path: 'defaultOrgRole', new: 'member' },
      { path: 'defaultSeats', new: seats },
    ],
  })
}
