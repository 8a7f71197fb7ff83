import { type Kysely, type Selectable, sql } from 'kysely'
import type { SessionTable } from '../../db/session-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, SessionId, UserId } from '../domain/ids.ts'
import type { Session, SessionReads, SessionSelection, SessionWrites, SignInMethod } from '../domain/session.ts'
import { HOLDER_COLUMNS, HOLDER_FLAGS, toHolder } from './key-holder.ts'
import { preparedQuery } from './prepared-query.ts'

/** Sessions, found from a cookie before the org is known. */
export function sessionReads(db: Kysely<Database>): SessionReads {
  return {
    async byHash(secretHash) {
      const [row] = await selectByHash(db, { secretHash: Buffer.from(secretHash) })
      if (row === undefined) return undefined
      const { secret_hash: hash, id_token: idToken } = row
      return { ...toSession(row), secretHash: hash, holder: toHolder(row)!, idToken: idToken ?? undefined }
    },
    async list(orgId, now, user) {
      const ofOrg = db.selectFrom('session').selectAll().where('org_id', '=', orgId).where('expires', '>', now)
      const query = user === undefined ? ofOrg : ofOrg.where('user_id', '=', user)
      const rows = await query.orderBy('created', 'desc').orderBy('id', 'desc').limit(MOST_LISTED).execute()
      return rows.map(toSession)
    },
  }
}

/** A list shows so many; whoever has more ends them by person. */
const MOST_LISTED = 1_000

const selectByHash = preparedQuery((db, { secretHash }: { readonly secretHash: Uint8Array }) =>
  db
    .selectFrom('session as k')
    .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 'k.org_id').onRef('u.id', '=', 'k.user_id'))
    .selectAll('k')
    .select([...HOLDER_COLUMNS, ...HOLDER_FLAGS])
    .where('k.secret_hash', '=', secretHash)
    .compile(),
)

/** Sessions as a unit of work writes them. */
export function sessionWrites(db: Kysely<Database>): SessionWrites {
  return {
    async insert(orgId, session, at) {
      await db
        .insertInto('session')
        .values({
          ...{ id: session.id, org_id: orgId, user_id: session.user, secret_hash: session.secretHash },
          ...{ method: session.method, issuer: session.issuer ?? null, subject: session.subject ?? null },
          ...{ sid: session.sid ?? null, id_token: session.idToken ?? null, created: at, last_seen: at },
          ...{ authenticated_at: at, expires: session.expires },
        })
        .execute()
    },
    async end(orgId, which) {
      const rows = await endSessions(db, orgId, which)
      return rows.map(({ id, user_id: user }) => ({ id: id as SessionId, user: user as UserId }))
    },
    async purge(orgId, at) {
      await db.deleteFrom('session').where('org_id', '=', orgId).where('expires', '<', at).execute()
    },
  }
}

async function endSessions(
  db: Kysely<Database>,
  orgId: OrgId,
  which: SessionSelection,
): Promise<readonly { readonly id: string; readonly user_id: string }[]> {
  if ('user' in which) return endOfUser(db, { orgId, user: which.user, except: which.except ?? '' })
  const ofOrg = db.deleteFrom('session').where('org_id', '=', orgId).returning(['id', 'user_id'])
  if ('id' in which) return ofOrg.where('id', '=', which.id).execute()
  const { issuer, sid, subject } = which
  const ofIssuer = ofOrg.where('issuer', '=', issuer)
  if (subject === undefined) return sid === undefined ? [] : ofIssuer.where('sid', '=', sid).execute()
  const ofPerson = ofIssuer.where('subject', '=', subject)
  if (sid === undefined) return ofPerson.execute()
  return ofPerson.where((where) => where.or([where('sid', '=', sid), where('sid', 'is', null)])).execute()
}

/** Runs at every deactivation: one statement on an index. */
const endOfUser = preparedQuery(
  (db, { orgId, user, except }: { readonly orgId: OrgId; readonly user: UserId; readonly except: string }) =>
    sql<{ readonly id: string; readonly user_id: string }>`delete from session where org_id = ${orgId}
    and user_id = ${user} and id <> ${except} returning id, user_id`.compile(db),
)

function toSession(row: Selectable<SessionTable>): Session {
  return {
    orgId: row.org_id as OrgId,
    id: row.id as SessionId,
    user: row.user_id as UserId,
    method: row.method as SignInMethod,
    issuer: row.issuer ?? undefined,
    subject: row.subject ?? undefined,
    sid: row.sid ?? undefined,
    created: row.created,
    lastSeen: row.last_seen,
    authenticatedAt: row.authenticated_at,
    expires: row.expires,
  }
}
