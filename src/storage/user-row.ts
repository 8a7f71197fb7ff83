import type { Insertable, Selectable } from 'kysely'
import type { UserEmailTable, UserTable } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { ConnectionId, OrgId, UserId } from '../domain/ids.ts'
import { isJsonObject } from '../domain/json.ts'
import { ENTERPRISE_URN } from '../domain/schema-urns.ts'
import { searchDocument } from '../domain/search-document.ts'
import type { AccountType } from '../domain/access.ts'
import { emailsOf, type User, type UserAttributes, type UserStatus } from '../domain/user.ts'

/** The columns a User is read from. */
export const USER_COLUMNS = [
  'user.id',
  'user.ord',
  'user.version',
  'user.created',
  'user.updated',
  'user.status',
  'user.account_type',
  'user.owner_connection_id',
  'user.external_id',
  'user.org_role',
  'user.body',
] as const

type UserRow = Pick<
  Selectable<UserTable>,
  | 'id'
  | 'ord'
  | 'version'
  | 'created'
  | 'updated'
  | 'status'
  | 'account_type'
  | 'owner_connection_id'
  | 'external_id'
  | 'org_role'
  | 'body'
>

/** Row → domain, the one place. */
export function toUser(row: UserRow): User {
  return {
    id: row.id as UserId,
    ord: row.ord,
    version: row.version,
    created: row.created,
    updated: row.updated,
    status: row.status as UserStatus,
    accountType: row.account_type as AccountType,
    owner: (row.owner_connection_id ?? undefined) as ConnectionId | undefined,
    externalId: row.external_id ?? undefined,
    orgRole: row.org_role as User['orgRole'],
    attributes: JSON.parse(row.body) as UserAttributes,
  }
}

/** Domain → the columns that a change of attributes, status or link writes. */
export function fromUser(
  user: User,
): Required<Omit<Insertable<UserTable>, 'org_id' | 'id' | 'ord' | 'created' | 'billing_admin' | 'account_type'>> {
  const { attributes } = user
  const enterprise = attributes[ENTERPRISE_URN]
  const displayName = textOf(attributes['displayName'])
  const department = isJsonObject(enterprise) ? textOf(enterprise['department']) : null
  const employeeNumber = isJsonObject(enterprise) ? textOf(enterprise['employeeNumber']) : null
  return {
    username: attributes.userName,
    username_key: fold(attributes.userName),
    display_name: displayName,
    display_name_key: keyOf(displayName),
    status: user.status,
    owner_connection_id: user.owner ?? null,
    external_id: user.externalId ?? null,
    org_role: user.orgRole,
    department,
    department_key: keyOf(department),
    employee_number: employeeNumber,
    employee_number_key: keyOf(employeeNumber),
    body: JSON.stringify(attributes),
    search: searchDocument(attributes),
    version: user.version,
    updated: user.updated,
    deleted_at: null,
  }
}

/** The address rows of a person; values without an address have none. */
export function emailRows(orgId: OrgId, user: User): Insertable<UserEmailTable>[] {
  return emailsOf(user.attributes).flatMap((email, ordinal) =>
    email.value === undefined
      ? []
      : [
          {
            org_id: orgId,
            user_id: user.id,
            ordinal,
            value: email.value,
            value_key: fold(email.value),
            type: email.type ?? null,
            is_primary: email.primary === true ? 1 : 0,
          },
        ],
  )
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function keyOf(text: string | null): string | null {
  return text === null ? null : fold(text)
}
