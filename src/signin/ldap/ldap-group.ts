/** A group that a person is in, as the directory names it. */
export interface LdapGroup {
  readonly name: string
  /** Absent where the directory gives a plain name or a number. */
  readonly dn?: string
}

const DN = /^\s*[A-Za-z0-9.-]+\s*=/

/** A group out of what an attribute such as `memberOf` says: of a DN the name is the value of its first part (RFC 4514). */
export function groupOf(value: string): LdapGroup {
  if (!DN.test(value)) return { name: value }
  const [first = ''] = dnParts(value)
  return { name: valueOf(first.split(/(?<!\\)\+/)[0] ?? ''), dn: value }
}

/** Whether a group is the one that was written down: by its DN where a DN was written, else by its name; in any case. */
export function isGroup(written: string, group: LdapGroup): boolean {
  if (!DN.test(written)) return written.trim().toLowerCase() === group.name.toLowerCase()
  return group.dn !== undefined && normalDn(written) === normalDn(group.dn)
}

/** A DN in a form that is equal for equal DNs: space round separators, case and the way of escaping do not matter. */
export function normalDn(dn: string): string {
  const parts = dnParts(dn).map((part) => `${part.slice(0, part.indexOf('=')).trim()}=${JSON.stringify(valueOf(part))}`)
  return parts.join(',').toLowerCase()
}

function dnParts(dn: string): string[] {
  return dn.match(/(?:\\.|[^\\,])+/gs) ?? []
}

/** RFC 4514 §2.4: `\,` is the character, `\2c` its byte in UTF-8; unescaped space at either end is none of the value. */
function valueOf(part: string): string {
  const value = part
    .slice(part.indexOf('=') + 1)
    .replace(/^ +/, '')
    .replace(/((?:^|[^\\])(?:\\\\)*(?:\\ )?) +$/, '$1')
  const bytes = [...value.matchAll(/\\([0-9A-Fa-f]{2})|\\(.)|[^\\]+/gs)].map(([plain, hex, char]) =>
    hex === undefined ? Buffer.from(char ?? plain, 'utf8') : Buffer.from(hex, 'hex'),
  )
  return Buffer.concat(bytes).toString('utf8')
}
