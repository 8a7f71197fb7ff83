import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId } from '../domain/ids.ts'
import {
  checkAttribute,
  checkAttributeName,
  MAX_ORG_ATTRIBUTES,
  type OrgAttribute,
  type OrgAttributeType,
} from '../domain/org-attribute.ts'
import type { Submitted } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { attributeChanges, attributeTarget } from './attribute-record.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/** What is said of an attribute; what is left out stays as it is, or is as usual in a new one. */
export interface AttributeDraft {
  readonly name: string
  /** Usually string. */
  readonly type?: OrgAttributeType | undefined
  /** Usually false. */
  readonly multiValued?: boolean | undefined
  /** Usually false; always true for a reference. */
  readonly caseExact?: boolean | undefined
  readonly description?: string | undefined
}

/** A declaration as it stands, and what was done for it. */
export interface Declared {
  readonly attribute: OrgAttribute
  readonly outcome: 'declared' | 'changed' | 'unchanged'
}

/**
 * Declares an attribute of an org's people, or changes one of that name. Its description can always change; its type,
 * and whether it has several values or is compared with its case, only while nobody has a value of it.
 * @throws DomainError `invalid-value` (name, type, description), `uniqueness` (a name that differs in case only, or is
 * being removed), `mutability` (a change that values forbid), `forbidden` (too many)
 */
export function declareAttribute(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  draft: AttributeDraft,
): Submitted<Declared> {
  return provisioning.work.submit(orgId, async (stores) => {
    checkAttributeName(draft.name)
    const declared = await stores.attributes.list(orgId)
    const before = declared.find(({ name }) => fold(name) === fold(draft.name))
    if (before !== undefined) refuseOther(before, draft.name)
    else if (declared.length >= MAX_ORG_ATTRIBUTES) throw tooMany()
    const attribute = stated(draft, before)
    checkAttribute(attribute)
    const changes = attributeChanges(before, attribute)
    if (before !== undefined && changes.length === 0) return { attribute: before, outcome: 'unchanged' }
    if (before !== undefined) await refuseHarmful(stores, orgId, before, attribute)
    await stores.attributes.save(orgId, attribute, stores.now)
    await stores.journal.append(orgId, {
      action: before === undefined ? 'attribute.declare' : 'attribute.change',
      actor: operation.actor,
      request: operation.request,
      outcome: { result: 'success' },
      targets: [attributeTarget(attribute)],
      changes,
    })
    return { attribute, outcome: before === undefined ? 'declared' : 'changed' }
  })
}

const USUAL = { type: 'string', multiValued: false, caseExact: false, description: '' } as const

function stated({ name, type, multiValued, caseExact, description }: AttributeDraft, before?: OrgAttribute) {
  const now = before ?? USUAL
  const wanted = type ?? now.type
  // Whether case counts goes with the type: it says nothing about a value of another one.
  const usualCase = wanted === 'reference' || (wanted === now.type && now.caseExact)
  return {
    name,
    type: wanted,
    multiValued: multiValued ?? now.multiValued,
    caseExact: caseExact ?? usualCase,
    description: description ?? now.description,
    state: 'live',
  } satisfies OrgAttribute
}

function refuseOther({ name, state }: OrgAttribute, wanted: string): void {
  if (name !== wanted) {
    const message = `"${wanted}" differs from "${name}" in case only, which attribute names do not count (RFC 7643 §2.1)`
    throw new DomainError('uniqueness', message, { reason: 'attribute.name-taken', params: { holder: name } })
  }
  if (state === 'removing') {
    const message = `"${name}" is being removed; remove it once more to finish that, then declare it anew`
    throw new DomainError('uniqueness', message, { reason: 'attribute.being-removed', params: { holder: name } })
  }
}

const FIXED = ['type', 'multiValued', 'caseExact'] as const

/** What is stored would be read wrongly, or found by other text. */
async function refuseHarmful(
  stores: WriteStores,
  orgId: OrgId,
  before: OrgAttribute,
  after: OrgAttribute,
): Promise<void> {
  const changed = FIXED.find((each) => before[each] !== after[each])
  if (changed === undefined || !(await stores.attributes.hasValues(orgId, before))) return
  const message =
    `People have values of "${before.name}", so its ${changed} cannot change from ${String(before[changed])} to ` +
    `${String(after[changed])}; declare another attribute, or remove this one first`
  throw new DomainError('mutability', message, { reason: 'attribute.has-values', params: { path: changed } })
}

function tooMany(): DomainError {
  const message = `An organisation declares at most ${MAX_ORG_ATTRIBUTES} attributes; remove one first`
  return new DomainError('forbidden', message, {
    reason: 'attribute.too-many',
    params: { most: MAX_ORG_ATTRIBUTES },
  })
}
