import { holds } from '../../domain/evaluate.ts'
import type { AttributeRef, Comparison, Filter, Literal } from '../../domain/filter.ts'
import { attributeNamed, type SchemaView } from '../schema/view.ts'
import { referenceTo, type Resolved } from './resolve.ts'

/** Joins terms, folding constants away: `and` and `or` never hold fewer than two terms. */
export function join(kind: 'and' | 'or', terms: readonly Filter[]): Filter {
  const decisive = kind === 'or'
  const open = terms.filter((term) => term.kind !== 'constant')
  if (terms.some((term) => term.kind === 'constant' && term.value === decisive)) {
    return { kind: 'constant', value: decisive }
  }
  const [only] = open
  if (only === undefined) return { kind: 'constant', value: !decisive }
  return open.length === 1 ? only : { kind, terms: open }
}

/** The opposite of a filter. */
export function negate(term: Filter): Filter {
  return term.kind === 'constant' ? { kind: 'constant', value: !term.value } : { kind: 'not', term }
}

function isCommon(view: SchemaView, { extension, attribute }: Resolved, name: string): boolean {
  // By identity: an attribute of an extension, or of an element, may have the same name.
  return extension === undefined && attribute !== undefined && attribute === attributeNamed(view.common, name)
}

function isResourceType(view: SchemaView, resolved: Resolved): boolean {
  return isCommon(view, resolved, 'meta') && resolved.sub?.name === 'resourceType'
}

/** Whether the attribute's value follows from the resource type and the extensions present, so it is stored nowhere. */
export function isConstant(view: SchemaView, resolved: Resolved): boolean {
  return isCommon(view, resolved, 'schemas') || isResourceType(view, resolved)
}

/** A comparison of {@link isConstant} attributes: an extension's URN is among `schemas` when the extension is there. */
export function compareConstant(
  view: SchemaView,
  resolved: Resolved,
  op: Exclude<Comparison, 'ne'>,
  literal: Literal,
): Filter {
  const at = referenceTo(resolved)
  const satisfies = (text: string): boolean => holds(at, op, text, literal)
  if (isResourceType(view, resolved)) return { kind: 'constant', value: satisfies(view.resourceType) }
  if (satisfies(view.core.id)) return { kind: 'constant', value: true }
  const extensions = view.extensions.filter(({ id }) => satisfies(id))
  return join(
    'or',
    extensions.map(({ id }): Filter => ({ kind: 'present', at: extensionRef(id) })),
  )
}

function extensionRef(id: string): AttributeRef {
  return { path: [id], type: 'complex', caseExact: false, multiValued: false }
}
