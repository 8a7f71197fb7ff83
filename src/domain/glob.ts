/** A pattern cut into what each place of it stands for: one given character, any one character, or any text. */
type Part = string | { readonly any: 'character' | 'text' }

const parsed = new Map<string, readonly Part[]>()
const MAX_PARSED = 10_000

/**
 * Whether a pattern covers the whole of a text: `*` is any text, `?` one character, `\` takes the next character as it
 * is. Case is the caller's: both are folded. Takes at most pattern × text steps, whatever the pattern.
 */
export function globMatches(pattern: string, text: string): boolean {
  const parts = partsOf(pattern)
  const chars = [...text]
  let part = 0
  let char = 0
  /** Where to go on when what follows the last star does not fit: the star takes one character more. */
  let star = -1
  let taken = 0
  while (char < chars.length) {
    const wanted = parts[part]
    if (typeof wanted === 'object' && wanted.any === 'text') {
      star = part++
      taken = char
    } else if (wanted !== undefined && (typeof wanted === 'object' || wanted === chars[char])) {
      part++
      char++
    } else if (star >= 0) {
      part = star + 1
      char = ++taken
    } else return false
  }
  return parts.slice(part).every((rest) => typeof rest === 'object' && rest.any === 'text')
}

function partsOf(pattern: string): readonly Part[] {
  const known = parsed.get(pattern)
  if (known !== undefined) return known
  const parts: Part[] = []
  let escaped = false
  for (const char of pattern) {
    if (escaped) parts.push(char)
    else if (char === '*') parts.push({ any: 'text' })
    else if (char === '?') parts.push({ any: 'character' })
    else if (char !== '\\') parts.push(char)
    escaped = !escaped && char === '\\'
  }
  if (escaped) parts.push('\\')
  if (parsed.size >= MAX_PARSED) parsed.clear()
  parsed.set(pattern, parts)
  return parts
}
