import type { AttributeRef } from '../../domain/filter.ts'
import type { SchemaView } from '../schema/view.ts'
import { FilterFault, reportingFaults } from './lex.ts'
import { FilterReader } from './reader.ts'
import { comparedSub, referenceTo, refuseHidden, resolveName } from './resolve.ts'

/**
 * Parses `sortBy` (RFC 7644 §3.4.2.3): an attribute or sub-attribute in any case, with or without its URN; a complex
 * attribute stands for its `value`.
 * @throws DomainError invalid-path for an unknown attribute, one without an order, or anything but a name
 */
export function parseSortBy(text: string, view: SchemaView): AttributeRef {
  return reportingFaults('sortBy', 'invalid-path', () => {
    const reader = new FilterReader(text, view)
    const token = reader.take()
    if (token.kind !== 'word') throw new FilterFault(token.at, 'the name of an attribute is needed.')
    reader.expectEnd()
    const resolved = resolveName(view, token.text, token.at)
    const target = { ...resolved, sub: comparedSub(resolved, token.at) }
    if (target.attribute === undefined)
      throw new FilterFault(token.at, 'a schema has no order; name an attribute of it.')
    refuseHidden(target, token.at)
    return referenceTo(target)
  })
}
