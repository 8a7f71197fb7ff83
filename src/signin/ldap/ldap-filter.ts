import { type Filter, FilterParser, Filter as LdapFilter } from 'ldapts'

/** What a filter's holes are filled with. */
export type FilterValues = Readonly<Partial<Record<'username' | 'dn', string>>>

/**
 * Fills `{username}` and `{dn}` in a filter. The values are escaped (RFC 4515 §3), so that whatever a person types is
 * compared as text: it cannot end the comparison, add one or match by `*`.
 * @throws Error when the filter itself is malformed
 */
export function filledFilter(template: string, values: FilterValues): Filter {
  const filled = template.replace(/\{(username|dn)\}/g, (_hole, name: 'username' | 'dn') =>
    LdapFilter.escape(values[name] ?? ''),
  )
  return FilterParser.parseString(filled)
}

/** True for a filter that can be parsed with any value in its holes. The parser itself forgives brackets left open. */
export function isFilter(template: string): boolean {
  if (!/^\(.*\)$/s.test(template) || !isBalanced(template)) return false
  try {
    filledFilter(template, { username: 'a', dn: 'cn=a' })
    return true
  } catch {
    return false
  }
}

/** In a filter a bracket that is text is written `\28` or `\29`, so every other one opens or closes a part. */
function isBalanced(template: string): boolean {
  let depth = 0
  for (const char of template) {
    if (char === '(') depth += 1
    if (char === ')') depth -= 1
    if (depth < 0) return false
  }
  return depth === 0
}
