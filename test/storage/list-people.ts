import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { compareText } from '../../src/domain/evaluate.ts'
import { fold } from '../../src/domain/fold.ts'
import { newId, type OrgId, type UserId } from '../../src/domain/ids.ts'
import type { User } from '../../src/domain/user.ts'
import { emailRows, fromUser } from '../../src/storage/user-row.ts'

/** A person of a large directory, put into the tables without use cases. */
export function person(index: number): User {
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
  return {
    id: newId<UserId>(1_700_000_000_000 + index),
    ord: index + 1,
    version: 1 + (index % 12),
    created: 1_700_000_000_000 + Math.floor(index / 3),
    updated: 1_700_000_000_000 + (index % 1_000),
    status: index % 20 === 0 ? 'deactivated' : 'active',
    accountType: 'USER',
    owner: undefined,
    externalId: undefined,
    orgRole: 'member',
    attributes: {
      userName: `Person${String((index * 7_919) % 100_003).padStart(6, '0')}@example.com`,
      ...(index % 3 === 0 ? {} : { displayName: `Name ${index % 50}` }),
      ...(index % 4 === 0 ? {} : { name: { familyName: index % 5 === 0 ? `ä${index % 13}` : `F${index % 13}` } }),
      title: index % 10 === 0 ? 'Alpha' : 'Beta',
      emails: [
        { value: `other${index}@example.com` },
        { value: `mail${(index * 31) % 977}@example.com`, primary: true },
      ],
      [enterprise]: {
        ...(index % 6 === 0 ? { costCenter: 'C' } : { department: `Department ${index % 5}` }),
        ...(index % 4 === 0 ? {} : { employeeNumber: `E${(index * 37) % 10_007}` }),
      },
    },
  }
}

const BATCH = 500

/** Puts people into an org, its counter included. */
export async function insertPeople(db: Kysely<Database>, orgId: OrgId, people: readonly User[]): Promise<void> {
  for (let at = 0; at < people.length; at += BATCH) {
    const batch = people.slice(at, at + BATCH)
    const rows = batch.map((user) => ({
      org_id: orgId,
      id: user.id,
      ord: user.ord,
      created: user.created,
      account_type: user.accountType,
      billing_admin: 0 as const,
      ...fromUser(user),
    }))
    await db.insertInto('user').values(rows).execute()
    await db
      .insertInto('user_email')
      .values(batch.flatMap((user) => emailRows(orgId, user)))
      .execute()
  }
  for (const name of ['user', 'ord.user']) {
    await db
      .insertInto('org_counter')
      .values({ org_id: orgId, name, value: people.length })
      .onConflict((conflict) => conflict.columns(['org_id', 'name']).doUpdateSet({ value: people.length }))
      .execute()
  }
}

/** What a person is sorted by, folded; undefined where there is nothing. */
export type SortValue = (user: User) => string | number | undefined

/** The order a list has to have (RFC 7644 §3.4.2.3): those without a value last; descending is the same backwards. */
export function ordered(people: readonly User[], value: SortValue, descending: boolean): readonly User[] {
  const sign = descending ? -1 : 1
  return people.toSorted((a, b) => sign * (compareValues(value(a), value(b)) || a.ord - b.ord))
}

function compareValues(a: string | number | undefined, b: string | number | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  return typeof a === 'number' && typeof b === 'number' ? a - b : compareText(fold(String(a)), fold(String(b)))
}
