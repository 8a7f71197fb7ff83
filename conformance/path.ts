type Token =
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'each' }
  | { readonly kind: 'count' }
  | { readonly kind: 'where'; readonly field: string; readonly value: string }

/**
 * The value at a dotted path of a JSON document; undefined where there is none.
 *
 * `a.b`, `a.0.b`; `*` every element (a list, flat); `a[k=v]` the elements whose field `k` prints as `v`, of which a
 * further key reads the first; `.#` how many; `.length` the length of a list, 0 for an absent one. A path that starts
 * with a URN or holds a `|` uses `|` between its parts, since URNs hold dots. The empty path is the document.
 */
export function valueAt(document: unknown, path: string): unknown {
  return read(document, tokensOf(path))
}

function read(value: unknown, tokens: readonly Token[]): unknown {
  const [token, ...rest] = tokens
  if (token === undefined) return value
  switch (token.kind) {
    case 'each': {
      const found = listOf(value).map((item) => read(item, rest))
      return rest.some((later) => later.kind === 'each') ? found.flat() : found
    }
    case 'count':
      return listOf(value).length
    case 'where': {
      const found = listOf(value).filter((item) => String(field(item, token.field)) === token.value)
      const takesAll = rest[0] === undefined || rest[0].kind !== 'key'
      return read(takesAll ? found : found[0], rest)
    }
    case 'key':
      if (token.name === 'length') return listOf(value).length
      return read(field(value, token.name), rest)
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

function tokensOf(path: string): Token[] {
  if (path === '') return []
  const separator = path.startsWith('urn:') || path.includes('|') ? '|' : '.'
  return partsOf(path, separator).flatMap(tokensOfPart)
}

function partsOf(path: string, separator: string): string[] {
  const parts = ['']
  let depth = 0
  for (const character of path) {
    if (character === '[') depth += 1
    if (character === ']') depth -= 1
    if (character === separator && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts
}

function tokensOfPart(part: string): Token[] {
  if (part === '*') return [{ kind: 'each' }]
  if (part === '#') return [{ kind: 'count' }]
  const name = part.replace(/\[.*$/u, '')
  const filters = [...part.matchAll(/\[([^=\]]+)=([^\]]*)\]/gu)]
  const wheres = filters.map(([, key = '', value = '']): Token => ({ kind: 'where', field: key, value }))
  return name === '' ? wheres : [{ kind: 'key', name }, ...wheres]
}
