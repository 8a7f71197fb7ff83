import type { Filter } from '../domain/filter.ts'
import { hasIndex } from './attribute-columns.ts'
import { isCustom } from './custom-sql.ts'

/** The most branches of an `or` that are looked up one by one. */
const MAX_BRANCHES = 20

/** What elements must have for a value path to hold: comparisons every one of its matches satisfies. */
export function requiredTerms(where: Filter): readonly (Filter & { readonly kind: 'compare' })[] {
  if (where.kind === 'and') return where.terms.flatMap(requiredTerms)
  return where.kind === 'compare' && where.op === 'eq' && where.at.path[0] === 'value' ? [where] : []
}

/**
 * Whether an index finds the rows of a filter: one of the terms that must all hold is an equality or range that has
 * one, or an `or` whose every branch has. Other filters look at every row of the org.
 */
export function isIndexed(filter: Filter): boolean {
  switch (filter.kind) {
    case 'constant':
      return !filter.value
    case 'and':
      return filter.terms.some(isIndexed)
    case 'or':
      return filter.terms.length <= MAX_BRANCHES && filter.terms.every(isIndexed)
    case 'compare':
      return hasIndex(filter.at.path, filter.op)
    case 'some':
      return requiredTerms(filter.where).length > 0 && hasIndex([...filter.at.path, 'value'], 'eq')
    case 'not':
    case 'present':
      return false
  }
}

/** Whether an index leads to the rows themselves, one after the other, so that a query can stop after a few. */
export function leadsToRows(filter: Filter): boolean {
  if (filter.kind === 'and') return filter.terms.some(leadsToRows)
  return isIndexed(filter) && !gathers(filter)
}

/**
 * Whether a filter that an index serves is answered by gathering the ids of all its matches beforehand, which is only
 * right for few of them.
 */
export function gathers(filter: Filter): boolean {
  switch (filter.kind) {
    case 'or':
      return true
    case 'and':
      return !filter.terms.some(leadsToRows) && filter.terms.some((term) => isIndexed(term) && gathers(term))
    case 'compare':
      return isCustom(filter.at.path) || (filter.at.path[0] === 'emails' && filter.op === 'sw')
    case 'some':
      return isCustom(filter.at.path)
    default:
      return false
  }
}
