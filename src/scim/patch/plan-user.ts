import { DomainError } from '../../domain/errors.ts'
import type { Literal } from '../../domain/filter.ts'
import { isJsonObject } from '../../domain/json.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import type { UserState } from '../../domain/user.ts'
import type { AccessWish } from '../../domain/access.ts'
import { ROLLCALL_URN, TEAMS_URN } from '../../domain/schema-urns.ts'
import { accessResource, upsertBy, wishesOfPatch } from '../access-shape.ts'
import type { Mount } from '../location.ts'
import { ACCESS_URNS, refuseImmutableChange, settleAttributes } from '../schema/normalise.ts'
import { invalidValue, namesForRecord } from '../schema/guard.ts'
import { isUnassigned, readAttribute, readComplex, readOne } from '../schema/validator.ts'
import type { Parts } from '../schema/validator.ts'
import type { AttributeDefinition, SchemaView } from '../schema/view.ts'
import { alterSelected, appendValues, applySteps, mergeComplex, mergeParts } from './apply.ts'
import { removeSelected, removeValues, replaceValues } from './apply.ts'
import type { Change, PatchStep } from './apply.ts'
import type { PatchOperation, PatchVerb } from './envelope.ts'
import { eqTerms } from './path.ts'
import { assignmentsOf } from './target.ts'
import type { Target } from './target.ts'

/**
 * A PATCH of a person, read and checked as far as it can be without the person: says what the operations make of a
 * state. Pure, all or nothing; the answer is deep-equal to the argument when nothing differs.
 * @throws DomainError no-target, invalid-value, mutability, too-large
 */
export interface UserPatch {
  (current: UserState): UserState
  /** Whether it looks at what the person may do, so that `current.access` must be there. */
  readonly readsAccess: boolean
  /** Whether a path names `roles` or `entitlements`, which may say a role in the org. */
  readonly namesRoles: boolean
  /** Names of unknown keys in path-less values, which were dropped. */
  readonly ignored: readonly string[]
}

interface Edit {
  readonly op: PatchVerb
  /** Whether the operation's path says what it is about; a path-less value may be an echo of what was read. */
  readonly named: boolean
  readonly target: Target
  readonly value: Json | undefined
  readonly ignored: Set<string>
}

/** Both always have a value: a user without userName does not exist, and "active" has no third state. */
function isRequired({ name, required }: AttributeDefinition): boolean {
  return required || name === 'active'
}

function refuseUnassigned({ op, target }: Edit): never {
  const { path, attribute } = target
  if (op === 'remove' && attribute.name !== 'active') {
    throw new DomainError('mutability', `${path} is required and cannot be removed.`, { params: { path } })
  }
  throw invalidValue(path, attribute.name === 'active' ? 'is true or false and cannot be removed' : 'must not be empty')
}

/** Parts for one sub-attribute, or for those an object names. */
function partsOf({ target, value, ignored }: Edit): Parts {
  const { attribute, sub, path } = target
  if (sub !== undefined) return new Map([[sub, readAttribute(sub, value, path, ignored)]])
  return readComplex(attribute, value, path, ignored)
}

/** Filters hold a dateTime as epoch milliseconds, attributes as text. */
function toDateTime(literal: Literal): Literal {
  return typeof literal === 'number' ? new Date(literal).toISOString() : literal
}

/** The value a filter of `eq` terms alone describes: `type eq "work"` is `{"type": "work"}`. */
function templateOf({ where, attribute }: Target): JsonObject | undefined {
  const terms = where === undefined ? undefined : eqTerms(where)
  if (terms === undefined) return undefined
  const known = new Set(attribute.subAttributes?.map(({ name }) => name))
  const pairs = terms.map(
    ({ at, value }) => [at.path[0] ?? '', at.type === 'dateTime' ? toDateTime(value) : value] as const,
  )
  return pairs.every(([name]) => known.has(name)) ? Object.fromEntries(pairs) : undefined
}

function noTarget({ path }: Target): DomainError {
  const message = `No value of ${path} matches the filter, and one can be made only of sub-attributes in terms with eq.`
  return new DomainError('no-target', message, { params: { path } })
}

/**
 * Add and replace on the values a filter selects. A replaced value keeps what the filter says of it (RFC 7644
 * §3.5.2.3); where none is selected one is made of the filter's eq terms, as Entra ID's default mappings need.
 */
function changeSelected(edit: Edit): Change {
  const { op, target, value } = edit
  const { where, sub, path } = target
  const template = templateOf(target)
  if (sub === undefined && isUnassigned(value)) {
    return op === 'replace' && where !== undefined ? removeSelected(where) : (now) => now
  }
  if (target.attribute.type !== 'complex') return changePlain(edit)
  const parts = partsOf(edit)
  const clears = [...parts.values()].every((each) => each === undefined)
  const whole = op === 'replace' && sub === undefined
  return alterSelected({
    where,
    path,
    alter: (element) => mergeParts(whole ? (template ?? {}) : element, parts),
    create: () => {
      if (clears) return undefined
      if (template === undefined && where !== undefined) throw noTarget(target)
      // What is made satisfies the filter, so that the same operation finds it the next time.
      return { ...mergeParts({}, parts), ...template }
    },
  })
}

/** The same on plain values: those that are selected become the one given. */
function changePlain({ target, value, ignored }: Edit): Change {
  const { attribute, where, path } = target
  const next = readOne(attribute, value, path, ignored)
  if (where === undefined || next === undefined) throw invalidValue(path, 'needs one value in place of those selected')
  return replaceValues(where, next, () => noTarget(target))
}

function sameText(left: Json | undefined, right: Json | undefined, caseExact: boolean): boolean {
  if (typeof left !== 'string' || typeof right !== 'string' || caseExact) return left === right
  return left.toLowerCase() === right.toLowerCase()
}

/** Whether a stored value is one of those a remove lists (Entra ID sends members and roles so). */
function isListed(element: Json, listed: readonly Json[], attribute: AttributeDefinition): boolean {
  const subs = attribute.subAttributes?.filter(({ name }) => name !== 'display' && name !== 'primary') ?? []
  return listed.some((each) => {
    if (!isJsonObject(each) || !isJsonObject(element)) return sameText(each, element, attribute.caseExact)
    const said = subs.filter(({ name }) => each[name] !== undefined)
    return said.length > 0 && said.every(({ name, caseExact }) => sameText(each[name], element[name], caseExact))
  })
}

function removal(edit: Edit): Change {
  const { target, value, ignored } = edit
  const { attribute, where, sub, path } = target
  if (sub !== undefined) {
    const parts: Parts = new Map([[sub, undefined]])
    if (!attribute.multiValued) return mergeComplex(parts)
    return alterSelected({ where, path, alter: (element) => mergeParts(element, parts), create: undefined })
  }
  if (where !== undefined) return removeSelected(where)
  if (isRequired(attribute)) refuseUnassigned(edit)
  if (!attribute.multiValued || value === undefined || value === null) return () => undefined
  const list: readonly Json[] = Array.isArray(value) ? (value as readonly Json[]) : [value]
  const listed = list.map((each) => readOne(attribute, each, path, ignored)).filter((each) => each !== undefined)
  return removeValues((element) => isListed(element, listed, attribute))
}

function changeAll(edit: Edit): Change {
  const { op, target, value, ignored } = edit
  const { attribute, sub, path } = target
  if (attribute.multiValued) {
    if (sub !== undefined) return changeSelected(edit)
    const values = readAttribute(attribute, value, path, ignored)
    return op === 'add' ? appendValues((values ?? []) as readonly Json[], path) : () => values
  }
  if (sub === undefined && isUnassigned(value)) {
    if (isRequired(attribute)) refuseUnassigned(edit)
    return () => undefined
  }
  if (attribute.type === 'complex') return mergeComplex(partsOf(edit))
  const read = readOne(attribute, value, path, ignored)
  return () => read
}

/** Lists whose values are each about a team or registry, by the sub-attribute that names it. */
const UPSERTED: ReadonlyMap<string, string> = new Map([
  ['teamRoles', 'teamName'],
  ['registryRoles', 'registryName'],
])

/** Add (and for team roles replace as well) on those lists: one role for each team or registry. */
function upsertOf({ op, target, value, ignored, named }: Edit): Change | undefined {
  const { schema, attribute, where, sub, path } = target
  const key = schema === ROLLCALL_URN ? UPSERTED.get(attribute.name) : undefined
  if (key === undefined || where !== undefined || sub !== undefined) return undefined
  if (op === 'replace' && (attribute.name !== 'teamRoles' || isUnassigned(value))) return undefined
  const added = readAttribute(attribute, value, path, ignored)
  return added === undefined ? (now) => now : upsertBy(key, added as readonly Json[], named)
}

function changeOf(edit: Edit): Change {
  const { op, target, value } = edit
  if (target.where !== undefined && !target.attribute.multiValued) {
    throw new DomainError('invalid-path', `${target.path} has a single value, so it takes no filter.`)
  }
  if (op === 'remove') return removal(edit)
  const upsert = value === undefined ? undefined : upsertOf(edit)
  if (upsert !== undefined) return upsert
  if (value === undefined) throw invalidValue(target.path, `needs a value for ${op}`)
  return target.where === undefined ? changeAll(edit) : changeSelected(edit)
}

/** `password` is accepted and dropped, so that clients that sync it go on; `schemas` follows from the attributes. */
function isPassedOver({ attribute }: Target): boolean {
  return attribute.mutability === 'writeOnly' || attribute.name === 'schemas'
}

function toStep(edit: Edit): PatchStep {
  const { target, value } = edit
  const { schema, attribute } = target
  // Comparing with a list is about a hundred times cheaper than a filter.
  const weight = Array.isArray(value) ? Math.ceil(value.length / 100) : 1
  return { schema, name: attribute.name, change: changeOf(edit), weight }
}

function isRoles({ schema, attribute: { name } }: Target): boolean {
  return schema === undefined && (name === 'roles' || name === 'entitlements')
}

interface Plan {
  readonly steps: readonly PatchStep[]
  /** Steps on what the person may do, and the attributes among it that a path names. */
  readonly accessSteps: readonly PatchStep[]
  readonly named: ReadonlySet<string>
  readonly view: SchemaView
  readonly mount: Mount
}

function applyTo(current: UserState, { steps, view }: Plan): UserState {
  if (steps.length === 0) return current
  const { attributes, active, externalId } = current
  const whole: JsonObject = { ...attributes, active, ...(externalId === undefined ? {} : { externalId }) }
  const { active: nextActive, externalId: nextExternalId, ...rest } = applySteps(whole, steps)
  const next = settleAttributes(rest, view)
  refuseImmutableChange(attributes, next, view)
  return {
    attributes: next,
    active: nextActive === true,
    externalId: typeof nextExternalId === 'string' ? nextExternalId : undefined,
  }
}

function wishesOf({ access }: UserState, { accessSteps, named, mount }: Plan): readonly AccessWish[] {
  if (accessSteps.length === 0) return []
  if (access === undefined) throw new Error('This PATCH was not given what the person may do')
  const before = accessResource(access, mount)
  const after = applySteps({ [ROLLCALL_URN]: before }, accessSteps)
  const [own, teams] = [after[ROLLCALL_URN], after[TEAMS_URN]]
  const flat = { ...(isJsonObject(own) ? own : {}), ...(isJsonObject(teams) ? teams : {}) }
  return wishesOfPatch(before, flat, named)
}

/**
 * Plans a PATCH of a person (RFC 7644 §3.5.2), with every path resolved and every value read beforehand. `replace` of
 * a complex attribute sets the sub-attributes it names; `replace` of a multi-valued one replaces all; "", null and []
 * unassign; a `remove` with a list of values removes those. What it asks of the person's access is said in `wishes`.
 * @throws DomainError invalid-path, invalid-value, mutability, no-target
 */
export function planUserPatch(
  operations: readonly PatchOperation[],
  view: SchemaView,
  mount: Mount = '/scim/v2',
): UserPatch {
  const ignored = new Set<string>()
  const edits = operations.flatMap((operation) =>
    assignmentsOf(operation, view, ignored)
      .filter(({ target }) => !isPassedOver(target))
      .map(({ target, value }): Edit => {
        return { op: operation.op, named: operation.path !== undefined, target, value, ignored }
      }),
  )
  const isAccess = ({ target }: Edit): boolean => ACCESS_URNS.has(target.schema ?? '')
  const access = edits.filter(isAccess)
  const plan: Plan = {
    steps: edits.filter((edit) => !isAccess(edit)).map(toStep),
    accessSteps: access.map(toStep),
    named: new Set(access.filter(({ named }) => named).map(({ target }) => target.attribute.name)),
    view,
    mount,
  }
  const apply = (current: UserState): UserState => {
    const next = applyTo(current, plan)
    return plan.accessSteps.length === 0 ? next : { ...next, wishes: wishesOf(current, plan) }
  }
  const namesRoles = edits.some(({ named, target }) => named && isRoles(target))
  return Object.assign(apply, { readsAccess: access.length > 0, namesRoles, ignored: namesForRecord(ignored) })
}
