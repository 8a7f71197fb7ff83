import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, RecordId } from '../domain/ids.ts'
import type { OrgAttribute } from '../domain/org-attribute.ts'
import type { RecordChange, RecordDraft } from '../domain/record.ts'
import { CUSTOM_URN } from '../domain/schema-urns.ts'
import type { ClearedValue, WriteStores } from '../domain/write-ports.ts'
import { attributeChanges, attributeTarget } from './attribute-record.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'
import { personal } from './user-record.ts'

/** People whose values are cleared in one unit of work, so that other writes of the org get their turn. */
const PEOPLE_PER_UNIT = 50

/** What a removal did. */
export interface RemovedAttribute {
  readonly attribute: OrgAttribute
  /** How many people had a value, which is gone. */
  readonly cleared: number
}

interface Step {
  readonly attribute: OrgAttribute
  readonly cleared: number
  readonly done: boolean
  readonly cause: RecordId | undefined
}

/**
 * Removes an attribute of an org's people with all the values they have of it. From the first unit of work on nobody is
 * shown it and nobody can write it; the values go in further ones, each with its record. Cut off in between, the name
 * stays taken, and removing once more goes on.
 * @throws DomainError `not-found`
 */
export async function removeAttribute(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  name: string,
): Promise<RemovedAttribute> {
  let cleared = 0
  let cause: RecordId | undefined
  for (;;) {
    const given = cause
    const step = await provisioning.work.submit(orgId, (stores) =>
      removeSome(stores, operation, { orgId, name, cause: given }),
    ).durable
    cleared += step.cleared
    if (step.done) return { attribute: step.attribute, cleared }
    cause ??= step.cause
  }
}

interface Removal {
  readonly orgId: OrgId
  readonly name: string
  /** The record of the removal, once it was written. */
  readonly cause: RecordId | undefined
}

async function removeSome(stores: WriteStores, operation: Operation, removal: Removal): Promise<Step> {
  const { orgId, name } = removal
  const declared = await stores.attributes.list(orgId)
  const attribute = declared.find((each) => fold(each.name) === fold(name))
  if (attribute === undefined) throw new DomainError('not-found', `There is no attribute "${name}"`)
  const begins = attribute.state === 'live'
  const hidden: OrgAttribute = { ...attribute, state: 'removing' }
  if (begins) await stores.attributes.save(orgId, hidden, stores.now)
  const values = await stores.attributes.clear(orgId, attribute, PEOPLE_PER_UNIT, stores.now)
  const done = !(await stores.attributes.hasValues(orgId, attribute))
  if (done) await stores.attributes.remove(orgId, attribute)
  const { id } = await stores.journal.append(orgId, {
    ...recordOf(operation, attribute, values),
    action: begins ? 'attribute.remove' : 'attribute.clear',
    changes: [
      ...attributeChanges(attribute, done ? undefined : hidden),
      ...values.map((each) => taken(attribute, each)),
    ],
    ...(removal.cause === undefined ? {} : { cause: removal.cause }),
  })
  return { attribute, cleared: values.length, done, cause: id }
}

function recordOf(
  { actor, request }: Operation,
  attribute: OrgAttribute,
  values: readonly ClearedValue[],
): Omit<RecordDraft, 'action'> {
  return {
    actor,
    request,
    outcome: { result: 'success' },
    targets: [attributeTarget(attribute), ...values.map(({ user: id }) => ({ type: 'user', id }) as const)],
  }
}

function taken({ name }: OrgAttribute, { user, value }: ClearedValue): RecordChange {
  return { path: `${CUSTOM_URN}:${name}`, old: personal(user, value) }
}
