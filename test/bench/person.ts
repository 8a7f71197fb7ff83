import { ENTERPRISE_URN, USER_URN } from '../../src/domain/schema-urns.ts'
import type { UserAttributes } from '../../src/domain/user.ts'

const DEPARTMENTS = ['Research', 'Platform', 'Sales', 'Legal', 'Support', 'People', 'Finance', 'Security']

/** Number `n` as people of a directory are named: the same width whatever the size. */
function named(n: number): string {
  return `Person${String(n).padStart(7, '0')}`
}

export const userNameOf = (n: number): string => `${named(n).toLowerCase()}@bench.example.com`
export const displayNameOf = (n: number): string => `Bench ${named(n)}`
export const externalIdOf = (n: number): string => `00u${String(n).padStart(17, '0')}`

/** The attributes of person `n`: about what Okta and Entra ID send of an employee. */
export function attributesOf(n: number, title = 'Engineer'): UserAttributes {
  return {
    userName: userNameOf(n),
    name: { givenName: 'Bench', familyName: named(n), formatted: displayNameOf(n) },
    displayName: displayNameOf(n),
    title,
    locale: 'en-US',
    emails: [{ value: userNameOf(n), type: 'work', primary: true }],
    [ENTERPRISE_URN]: { department: DEPARTMENTS[n % DEPARTMENTS.length]!, employeeNumber: String(100_000 + n) },
  }
}

/** Person `n` as a body for POST and PUT. */
export function bodyOf(n: number, title?: string): object {
  return {
    schemas: [USER_URN, ENTERPRISE_URN],
    externalId: externalIdOf(n),
    active: true,
    ...attributesOf(n, title),
  }
}
