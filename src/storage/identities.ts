import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { IdentityTable } from '../../db/signin-schema.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, OrgId, ProviderId, UserId } from '../domain/ids.ts'
import type { Identity, IdentityReads, IdentityWrites, PairedPerson, Subject } from '../domain/sign-in.ts'
import { isAmong } from './id-list.ts'

/** Gives the keyed hash of a text of an org. */
export type Pseudonym = (orgId: OrgId, text: string) => string

/** What the key of an identity begins with where it is shown: a hash alone may begin as an option of a command does. */
const NAMED = 'identity_'

/** Who people are at issuers, to read. */
export function identityReads(db: Kysely<Database>, pseudonym: Pseudonym): IdentityReads {
  return {
    list: (orgId, user) => listIdentities(db, orgId, user),
    async userOf(orgId, subject) {
      const found = await findIdentity(db, orgId, subject, pseudonym)
      return found?.live === true ? found.user : undefined
    },
  }
}

/** Who people are at issuers, as a unit of work writes it. */
export function identityWrites(db: Kysely<Database>, dialect: Dialect, pseudonym: Pseudonym): IdentityWrites {
  return { ...identityChanges(db, pseudonym), ...pairedPeople(db), ...namedGroups(db, dialect) }
}

/** The name of a subject among those of an org: the text is split where no issuer's URL can have a character. */
function keyOf(orgId: OrgId, { issuer, subject }: Subject, pseudonym: Pseudonym): string {
  return pseudonym(orgId, `${issuer}\n${subject}`)
}

async function findIdentity(db: Kysely<Database>, orgId: OrgId, subject: Subject, pseudonym: Pseudonym) {
  const row = await db
    .selectFrom('identity as i')
    .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 'i.org_id').onRef('u.id', '=', 'i.user_id'))
    .select(['i.user_id', 'u.deleted_at'])
    .where('i.org_id', '=', orgId)
    .where('i.issuer', '=', subject.issuer)
    .where('i.subject_key', '=', keyOf(orgId, subject, pseudonym))
    .executeTakeFirst()
  return row && { user: row.user_id as UserId, live: row.deleted_at === null }
}

async function listIdentities(db: Kysely<Database>, orgId: OrgId, user: UserId): Promise<readonly Identity[]> {
  const rows = await db
    .selectFrom('identity')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .orderBy('created')
    .orderBy('subject_key')
    .execute()
  return rows.map(toIdentity)
}

function toIdentity(row: Selectable<IdentityTable>): Identity {
  return {
    issuer: row.issuer,
    providerId: row.provider_id as ProviderId,
    way: row.way as Identity['way'],
    key: NAMED + row.subject_key,
    user: row.user_id as UserId,
    linked: row.created,
    lastSignIn: row.last_sign_in,
  }
}

function identityChanges(
  db: Kysely<Database>,
  pseudonym: Pseudonym,
): Pick<IdentityWrites, 'find' | 'list' | 'link' | 'seen' | 'unlink' | 'isBuried'> {
  return {
    find: (orgId, subject) => findIdentity(db, orgId, subject, pseudonym),
    list: (orgId, user) => listIdentities(db, orgId, user),

    async link(orgId, subject, { user, providerId, way }, at) {
      const link = { user_id: user, provider_id: providerId, way, created: at, last_sign_in: at }
      await db
        .insertInto('identity')
        .values({
          ...{ org_id: orgId, issuer: subject.issuer, subject_key: keyOf(orgId, subject, pseudonym) },
          ...link,
        })
        .onConflict((conflict) => conflict.columns(['org_id', 'issuer', 'subject_key']).doUpdateSet(link))
        .execute()
    },

    async seen(orgId, subject, at) {
      await db
        .updateTable('identity')
        .set({ last_sign_in: at })
        .where('org_id', '=', orgId)
        .where('issuer', '=', subject.issuer)
        .where('subject_key', '=', keyOf(orgId, subject, pseudonym))
        .execute()
    },

    async unlink(orgId, user, key) {
      const rows = await db
        .deleteFrom('identity')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .where('subject_key', '=', key.slice(NAMED.length))
        .returning('subject_key')
        .execute()
      return rows.length > 0
    },

    async isBuried(orgId, subject) {
      const row = await db
        .selectFrom('identity_tombstone')
        .select('subject_key')
        .where('org_id', '=', orgId)
        .where('subject_key', '=', keyOf(orgId, subject, pseudonym))
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

/** Keeps for good whom a person who is deleted was at issuers. */
export async function buryIdentities(db: Kysely<Database>, orgId: OrgId, user: UserId): Promise<void> {
  await db
    .insertInto('identity_tombstone')
    .columns(['org_id', 'subject_key'])
    .expression((eb) =>
      eb
        .selectFrom('identity')
        .select(['org_id', 'subject_key'])
        .where('org_id', '=', orgId)
        .where('user_id', '=', user),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

function pairedPeople(
  db: Kysely<Database>,
): Pick<IdentityWrites, 'pairedByExternalId' | 'pairedByUserName' | 'providerMayGrantAdmin'> {
  const people = (orgId: OrgId, provider: ProviderId) =>
    db
      .selectFrom('connection as c')
      .innerJoin('user as u', (join) =>
        join.onRef('u.org_id', '=', 'c.org_id').onRef('u.owner_connection_id', '=', 'c.id'),
      )
      .select(['u.id', 'u.deleted_at', 'c.may_grant_admin'])
      .where('c.org_id', '=', orgId)
      .where('c.signin_provider_id', '=', provider)
      .where('c.status', '=', 'active')
  const toPaired = (row: { id: string; deleted_at: number | null; may_grant_admin: number }): PairedPerson => ({
    ...{ user: row.id as UserId, live: row.deleted_at === null, mayGrantAdmin: row.may_grant_admin === 1 },
  })

  return {
    async pairedByExternalId(orgId, provider, externalId) {
      const row = await people(orgId, provider)
        .where('u.external_id', '=', externalId)
        .orderBy(sql`case when u.deleted_at is null then 0 else 1 end`)
        .limit(1)
        .executeTakeFirst()
      return row && toPaired(row)
    },

    async pairedByUserName(orgId, provider, userName) {
      const row = await people(orgId, provider)
        .where('u.username_key', '=', fold(userName))
        .where('u.deleted_at', 'is', null)
        .executeTakeFirst()
      return row && toPaired(row)
    },

    async providerMayGrantAdmin(orgId, provider) {
      const row = await db
        .selectFrom('connection')
        .select('id')
        .where('org_id', '=', orgId)
        .where('signin_provider_id', '=', provider)
        .where('status', '=', 'active')
        .where('may_grant_admin', '=', 1)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function namedGroups(db: Kysely<Database>, dialect: Dialect): Pick<IdentityWrites, 'groupsNamed'> {
  return {
    async groupsNamed(orgId, names) {
      if (names.length === 0) return []
      const keys = [...new Set(names.map(fold))]
      const rows = await db
        .selectFrom('scim_group')
        .select('id')
        .where('org_id', '=', orgId)
        .where('deleted_at', 'is', null)
        .where(sql<boolean>`name_key ${isAmong(dialect, keys)}`)
        .orderBy('id')
        .execute()
      return rows.map((row) => row.id as GroupId)
    },
  }
}
