import { type Kysely, type Selectable } from 'kysely'
import type { DomainClaimTable } from '../../db/invite-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { DomainClaim, DomainReads, DomainWrites } from '../domain/domain-claim.ts'
import type { GroupId, OrgId } from '../domain/ids.ts'

/** Domains that orgs claim, as lists, sign-in pages and the job that looks at them again read them. */
export function domainReads(db: Kysely<Database>): DomainReads {
  return {
    ...ofOrg(db),
    async ownerOf(domain) {
      const row = await db
        .selectFrom('domain_claim')
        .select('org_id')
        .where('domain_key', '=', domain)
        .where('proved_at', 'is not', null)
        .executeTakeFirst()
      return row && (row.org_id as OrgId)
    },
    async due(now, limit) {
      const rows = await db
        .selectFrom('domain_claim')
        .selectAll()
        .where('next_ms', '<=', now)
        .where('proved_at', 'is not', null)
        .orderBy('next_ms')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ ...toClaim(row), orgId: row.org_id as OrgId }))
    },
  }
}

/** The same as a unit of work sees and writes them. */
export function domainWrites(db: Kysely<Database>): DomainWrites {
  return {
    ...ofOrg(db),
    async insert(orgId, claim) {
      await db
        .insertInto('domain_claim')
        .values({ org_id: orgId, domain_key: claim.domain, created: claim.created, ...columns(claim) })
        .execute()
    },
    async update(orgId, claim) {
      await db
        .updateTable('domain_claim')
        .set(columns(claim))
        .where('org_id', '=', orgId)
        .where('domain_key', '=', claim.domain)
        .execute()
    },
    async remove(orgId, domain) {
      await db.deleteFrom('domain_claim').where('org_id', '=', orgId).where('domain_key', '=', domain).execute()
    },
    async ofTeam(orgId, team) {
      const rows = await db
        .selectFrom('domain_claim')
        .select('domain_key')
        .where('org_id', '=', orgId)
        .where('team_id', '=', team)
        .orderBy('domain_key')
        .execute()
      return rows.map((row) => row.domain_key)
    },
  }
}

function ofOrg(db: Kysely<Database>): Pick<DomainReads & DomainWrites, 'list' | 'find'> {
  const claims = (orgId: OrgId) => db.selectFrom('domain_claim').selectAll().where('org_id', '=', orgId)
  return {
    async list(orgId) {
      return (await claims(orgId).orderBy('domain_key').execute()).map(toClaim)
    },
    async find(orgId, domain) {
      const row = await claims(orgId).where('domain_key', '=', domain).executeTakeFirst()
      return row && toClaim(row)
    },
  }
}

function columns(claim: DomainClaim) {
  return {
    challenge: claim.challenge,
    captures: claim.captures ? 1 : 0,
    team_id: claim.team ?? null,
    proved_at: claim.provedAt ?? null,
    checked: claim.checked ?? null,
    next_ms: claim.next,
    failing_since: claim.failingSince ?? null,
  } as const
}

/** Row → domain, the one place. */
function toClaim(row: Selectable<DomainClaimTable>): DomainClaim {
  return {
    domain: row.domain_key,
    challenge: row.challenge,
    captures: row.captures === 1,
    team: (row.team_id ?? undefined) as GroupId | undefined,
    created: row.created,
    provedAt: row.proved_at ?? undefined,
    checked: row.checked ?? undefined,
    next: row.next_ms,
    failingSince: row.failing_since ?? undefined,
  }
}
