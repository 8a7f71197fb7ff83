import type { Entry } from 'ldapts'

/** An entry with its attributes by lower-case name: a directory may write their names in any case (RFC 4512 §2.5). */
export interface LdapEntry {
  readonly dn: string
  readonly values: ReadonlyMap<string, readonly (string | Buffer)[]>
}

export function lowerNames(entry: Entry): LdapEntry {
  const values = Object.entries(entry).flatMap(([name, value]): [string, (string | Buffer)[]][] =>
    name === 'dn' ? [] : [[name.toLowerCase(), Array.isArray(value) ? [...value] : [value]]],
  )
  return { dn: entry.dn, values: new Map(values.filter(([, list]) => list.length > 0)) }
}

/** The values of an attribute as text; a GUID of Active Directory in its usual form. What is empty is left out. */
export function textsOf({ values }: LdapEntry, attribute: string): string[] {
  const found = values.get(attribute.toLowerCase()) ?? []
  return found
    .map((value) => (typeof value === 'string' ? value : binaryText(attribute, value)).trim())
    .filter((value) => value !== '')
}

export function firstText(entry: LdapEntry, attribute: string): string | undefined {
  return textsOf(entry, attribute)[0]
}

/** Active Directory writes the first three fields of a GUID in little-endian order ([MS-DTYP] §2.3.4). */
function binaryText(attribute: string, bytes: Buffer): string {
  if (attribute.toLowerCase() !== 'objectguid' || bytes.length !== 16) return bytes.toString('utf8')
  const swapped = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((at) => bytes[at]!)
  const hex = Buffer.from(swapped).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
