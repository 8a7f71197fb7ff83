import type { Filter } from '../../domain/filter.ts'
import type { SchemaView } from '../schema/view.ts'
import { FilterFault, reportingFaults } from './lex.ts'
import { FilterReader } from './reader.ts'

/**
 * Parses a filter (RFC 7644 §3.4.2.2). Names, operators and keywords in any case; literals come out in the type of
 * their attribute; `eq null` is `not pr`; a complex attribute stands for its `value`; comparisons of `schemas` and
 * `meta.resourceType` are decided here. Linear in the text.
 * @throws DomainError invalid-filter with a sentence that says where and what; also above 8 KiB, 20 levels or 200 terms
 */
export function parseFilter(text: string, view: SchemaView): Filter {
  return reportingFaults('Filter', 'invalid-filter', () => {
    const reader = new FilterReader(text, view)
    if (reader.peek().kind === 'end')
      throw new FilterFault(0, 'it is empty; leave the parameter out to get everything.')
    const filter = reader.filter()
    reader.expectEnd()
    return filter
  })
}
