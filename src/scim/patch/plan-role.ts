import { DomainError } from '../../domain/errors.ts'
import { evaluate } from '../../domain/evaluate.ts'
import type { Filter } from '../../domain/filter.ts'
import type { Json } from '../../domain/json.ts'
import { effectivePermissions, inCatalogueOrder, isInherited, type RoleState } from '../../domain/role.ts'
import { invalidValue, namesForRecord } from '../schema/guard.ts'
import {
  permissionsSet,
  readPermissions,
  readRoleBase,
  readRoleDescription,
  readRoleName,
  withoutPermissions,
} from '../schema/role-body.ts'
import type { SchemaView } from '../schema/view.ts'
import type { PatchOperation, PatchVerb } from './envelope.ts'
import { assignmentsOf, type Target } from './target.ts'

interface Edit {
  readonly op: PatchVerb
  readonly target: Target
  readonly value: Json | undefined
}

/** One step over a role's state. */
type Step = (state: RoleState) => RoleState

/** What a PATCH asks of a role: apply it to the stored state. */
export interface RolePlan {
  readonly change: Step
  /** Names of unknown keys that were dropped. */
  readonly ignored: readonly string[]
}

function refuseRemoval({ op, target }: Edit): void {
  if (op !== 'remove') return
  throw new DomainError('mutability', `${target.path} is required and cannot be removed.`, {
    params: { path: target.path },
  })
}

/** A permission has no parts to change: it is added or removed. */
function refuseParts({ op, target }: Edit): void {
  if (target.sub === undefined && (target.where === undefined || op === 'remove')) return
  throw new DomainError(
    'mutability',
    'A permission of a role cannot be changed; add and remove permissions as a whole.',
    {
      params: { path: target.path },
    },
  )
}

function removeWhere(where: Filter): Step {
  return (state) => {
    const chosen = effectivePermissions(state).filter(({ name, isInherited }) => evaluate(where, { name, isInherited }))
    return withoutPermissions(
      state,
      chosen.map(({ name }) => name),
    )
  }
}

function permissionStep(edit: Edit): Step {
  refuseParts(edit)
  const { op, target, value } = edit
  if (op === 'remove') {
    if (target.where !== undefined) return removeWhere(target.where)
    if (value === undefined || value === null) return (state) => ({ ...state, permissions: [] })
    const names = readPermissions(value).map(({ name }) => name)
    return (state) => withoutPermissions(state, names)
  }
  const given = readPermissions(value)
  if (op === 'replace') return (state) => ({ ...state, permissions: permissionsSet(state, given) })
  return (state) => {
    const added = given.map(({ name }) => name).filter((name) => !isInherited(state.base, name))
    return { ...state, permissions: inCatalogueOrder([...state.permissions, ...added]) }
  }
}

function stepOf(edit: Edit, view: SchemaView): Step | undefined {
  const { op, target, value } = edit
  if (op !== 'remove' && value === undefined) throw invalidValue(target.path, `needs a value for ${op}`)
  switch (target.attribute.name) {
    case 'name': {
      refuseRemoval(edit)
      const name = readRoleName(value, view)
      return (state) => ({ ...state, name })
    }
    case 'inheritedFrom': {
      refuseRemoval(edit)
      const base = readRoleBase(value, view)
      return (state) => ({ ...state, base })
    }
    case 'description': {
      const description = op === 'remove' ? undefined : (readRoleDescription(value, view) ?? undefined)
      return (state) => ({ ...state, description })
    }
    case 'permissions':
      return permissionStep(edit)
    default:
      // `schemas` follows from the type.
      return undefined
  }
}

/**
 * Plans a PATCH of a custom role (RFC 7644 §3.5.2). `permissions` takes a list of values for add, replace and (as W&B's
 * client sends it) remove; a remove also takes a filter, or neither for everything that was added.
 * @throws DomainError invalid-path, invalid-value, mutability, no-target
 */
export function planRolePatch(operations: readonly PatchOperation[], view: SchemaView): RolePlan {
  const unknown = new Set<string>()
  const steps: Step[] = []
  for (const operation of operations) {
    for (const { target, value } of assignmentsOf(operation, view, unknown)) {
      const step = stepOf({ op: operation.op, target, value }, view)
      if (step !== undefined) steps.push(step)
    }
  }
  return {
    change: (current) => steps.reduce((state, step) => step(state), current),
    ignored: namesForRecord(unknown),
  }
}
