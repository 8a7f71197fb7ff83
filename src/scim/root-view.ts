import type { Filter, AttributeRef } from '../domain/filter.ts'
import type { ResourceKind } from './endpoint.ts'
import { join, negate } from './filter/constant.ts'
import { baseView } from './schema/definitions.ts'
import type { UserViews } from './schema/user-view.ts'
import { attributeNamed, extensionNamed, type SchemaView, topLevelNamed } from './schema/view.ts'

/**
 * The schemas a filter at the server's root is read with for one type: its own, and behind them those of the other
 * types, so that a name which only they have is no error (RFC 7644 §3.4.2.1).
 * @param views the schemas of people as the org sees them
 * @param kinds all types a search at the root looks through
 */
export function rootView(views: UserViews, kind: ResourceKind, kinds: readonly ResourceKind[]): SchemaView {
  const own = typeView(views, kind)
  const others = kinds.filter((each) => each !== kind).map((each) => typeView(views, each))
  const foreign = others
    .flatMap(({ common, core }) => [...common, ...core.attributes])
    .filter(({ name }) => !topLevelNamed(own, name))
  return {
    ...own,
    core: { ...own.core, attributes: [...own.core.attributes, ...foreign] },
    extensions: [...own.extensions, ...others.flatMap(({ core, extensions }) => [core, ...extensions])],
  }
}

/** The schemas of one type, with all that its resources show. */
export function typeView(views: UserViews, kind: ResourceKind): SchemaView {
  return kind === 'User' ? views.shown : baseView(kind)
}

/** Whether a type itself has the attribute of a reference. */
export function isOwn(view: SchemaView, { path }: AttributeRef): boolean {
  const [first = '', second] = path
  if (!first.startsWith('urn:')) return topLevelNamed(view, first) !== undefined
  const extension = extensionNamed(view, first)
  if (extension === undefined) return false
  return second === undefined || attributeNamed(extension.attributes, second) !== undefined
}

/**
 * The filter with every attribute that the type does not have taken as one without a value (RFC 7644 §3.4.2.1): a
 * comparison is false, `ne` and `not` of one true.
 */
export function ownFilter(filter: Filter, view: SchemaView): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return join(
        filter.kind,
        filter.terms.map((term) => ownFilter(term, view)),
      )
    case 'not':
      return negate(ownFilter(filter.term, view))
    case 'compare':
      return isOwn(view, filter.at) ? filter : { kind: 'constant', value: filter.op === 'ne' }
    case 'present':
    case 'some':
      return isOwn(view, filter.at) ? filter : { kind: 'constant', value: false }
    case 'constant':
      return filter
  }
}
