/** Names of statements that PostgreSQL keeps prepared on each connection, by their text. */
const names = new Map<string, string>()
let generation = 0

/** Lets a text be prepared from now on: one of a few that come again and again. */
export function giveName(text: string): void {
  if (!names.has(text)) names.set(text, `s${generation}_${names.size}`)
}

/** The name of a text; undefined where it is to be parsed each time. */
export function nameOf(text: string): string | undefined {
  return names.get(text)
}

/**
 * Gives every text another name, so that it is prepared anew: a statement that names no columns (`select *`) cannot be
 * run on once another process has migrated its table.
 */
export function renameAll(): void {
  generation += 1
  for (const [n, text] of [...names.keys()].entries()) names.set(text, `s${generation}_${n}`)
}
