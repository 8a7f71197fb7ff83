/** In valid JSON: a string, with the colon after it if it is a member's name, or a bracket. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")([ \t\r\n]*:)?|[{}[\]]/g

/**
 * Whether any object in a JSON text names a member twice. Parsers differ in which of the two they believe, so a text
 * that one party signed and another reads must not have any (RFC 8725 §2.4, RFC 7519 §4).
 * @param text JSON that `JSON.parse` accepts; other text gives a meaningless answer
 */
export function hasDuplicateMembers(text: string): boolean {
  const open: Set<string>[] = []
  for (const [token, name, colon] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (name !== undefined && colon !== undefined && !addNew(open.at(-1), JSON.parse(name) as string)) return true
  }
  return false
}

function addNew(names: Set<string> | undefined, name: string): boolean {
  if (names?.has(name) === true) return false
  names?.add(name)
  return true
}
