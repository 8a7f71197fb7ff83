import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, GroupId, OrgId, UserId } from '../../src/domain/ids.ts'
import type { OrgAttribute } from '../../src/domain/org-attribute.ts'
import type { TestStore } from '../support/databases.ts'

/** People of each of three orgs. SQLite is not analysed, so size is nothing to its planner; to PostgreSQL's it is. */
const PEOPLE: Readonly<Record<Dialect, number>> = { sqlite: 2_000, postgres: 6_000 }
const GROUPS: Readonly<Record<Dialect, number>> = { sqlite: 200, postgres: 15_000 }

const numbered = (prefix: string, n: number): string => `${prefix}-0000-7000-8000-${String(n).padStart(12, '0')}`
/** The id of the nth person. */
export const user = (n: number): UserId => numbered('aaaaaaaa', n) as UserId
/** The id of the nth group. */
export const group = (n: number): GroupId => numbered('bbbbbbbb', n) as GroupId

/** Fills an org by a few statements; what they leave is what the use cases would have left, but for the log. */
export async function fill(test: TestStore, orgId: OrgId, owner: ConnectionId, position: number): Promise<void> {
  const { dialect } = test
  const [people, groups] = [PEOPLE[dialect] - 1, GROUPS[dialect] - 1]
  const series = (last: number) =>
    sql`with recursive n(i) as (select 0 union all select i + 1 from n where i < ${last})`
  const text = (value: string) => (dialect === 'sqlite' ? sql`${value}` : sql`${value}::text`)
  const [org, by] = [text(orgId), text(owner)]
  const bytes = (seed: string) =>
    dialect === 'sqlite' ? sql`randomblob(32)` : sql`sha256((${seed}::text || i::text)::bytea)`
  const hash = bytes(`hash ${position}`)
  const digits = (n: RawBuilder<unknown>) =>
    dialect === 'sqlite' ? sql`printf('%012d', ${n})` : sql`lpad((${n})::text, 12, '0')`
  const u = sql`'aaaaaaaa-0000-7000-8000-' || ${digits(sql`i`)}`
  const g = (n: RawBuilder<unknown>) => sql`'bbbbbbbb-0000-7000-8000-' || ${digits(n)}`
  const statements = [
    sql`insert into "user" (org_id, id, ord, username, username_key, display_name, display_name_key, status,
        account_type, owner_connection_id, external_id, org_role, billing_admin, body, search, version, created, updated)
      ${series(people)} select ${org}, ${u}, i + 1, 'User-' || i, 'user-' || i, 'Person ' || i, 'person ' || i,
        'active', 'USER', ${by}, 'ext-' || i, 'member', 0, '{"userName":"User-' || i || '"}', 'user-' || i, 1, i, i from n`,
    sql`insert into user_email (org_id, user_id, ordinal, value, value_key, type, is_primary)
      ${series(people)} select ${org}, ${u}, 0, 'u' || i || '@x.example', 'u' || i || '@x.example', 'work', 1 from n`,
    sql`insert into scim_group (org_id, id, ord, display_name, name_key, owner_connection_id, external_id,
        marked_protected, member_count, body, version, created, updated)
      ${series(groups)} select ${org}, ${g(sql`i`)}, i + 1, 'Group ' || i, 'group ' || i, ${by}, 'gext-' || i, 0, 10, '{}', 1,
        i, i from n`,
    sql`insert into team (org_id, id, default_role, visibility, joinable)
      ${series(groups)} select ${org}, ${g(sql`i`)}, 'member', 'org', case i % 100 when 0 then 1 else 0 end from n`,
    // Everybody is in the first group and in two more.
    sql`insert into group_member (org_id, group_id, user_id, origin, set_at)
      ${series(people)} select ${org}, ${g(sql`0`)}, ${u}, 'scim', 1 from n`,
    ...[7, 31].map(
      (step) => sql`insert into group_member (org_id, group_id, user_id, origin, set_at)
        ${series(people)} select ${org}, ${g(sql`1 + (i + ${sql.lit(step)}) % ${sql.lit(groups)}`)}, ${u}, 'scim', 1 from n`,
    ),
    sql`insert into group_child (org_id, group_id, child_group_id)
      ${series(groups - 1)} select ${org}, ${g(sql`i + 1`)}, ${g(sql`0`)} from n`,
    sql`insert into team_membership (org_id, user_id, team_id, role, custom_role_id, source_kind, source_id)
      select org_id, user_id, group_id, 'member', '', 'member', group_id from group_member where org_id = ${org}`,
    sql`insert into user_seat (org_id, user_id, product, wanted, given, wanted_since, source)
      ${series(people)} select ${org}, ${u}, 'models', 'full', 'full', 1, 'default:models' from n`,
    sql`insert into access_period (org_id, user_id, kind, target, value, from_seq, valid_from)
      ${series(people)} select ${org}, ${u}, 'active', '', 'active', 1, 1 from n`,
    sql`insert into access_period (org_id, user_id, kind, target, value, from_seq, valid_from)
      select org_id, user_id, 'team', team_id, role, 1, 1 from team_membership where org_id = ${org}`,
    sql`insert into person_key (org_id, person_id, kek_id, wrapped)
      ${series(people)} select ${org}, ${u}, 'none', ${hash} from n`,
    // Far above the chain's head: here only for their number.
    sql`insert into provisioning_event (org_id, seq, epoch, time_ms, id, action, result, actor_type, body, content_hash,
        hash) ${series(people)} select ${org}, 100000 + i, 1, i, 'e-' || i, 'user.update', 'success', 'idp', '{}', ${hash},
        ${hash} from n`,
    sql`insert into event_target (org_id, target_id, seq)
      ${series(people)} select ${org}, ${u}, 100000 + i from n`,
    sql`insert into event_pii (org_id, person_id, seq, nonce, ciphertext)
      ${series(people)} select ${org}, ${u}, 100000 + i, ${hash}, ${hash} from n`,
    sql`insert into connection (org_id, id, name, name_key, kind, status, may_grant_admin, scopes, version, created)
      ${series(999)} select ${org}, ${org} || '-c-' || i, 'c ' || i, 'c ' || i, 'idp', 'active', 0, 'users', 1, 1 from n`,
    sql`insert into connection_token (id, org_id, connection_id, secret_hash, origin, created)
      ${series(999)} select ${org} || '-t-' || i, ${org}, ${org} || '-c-' || i, ${bytes(`token ${position} `)}, 'minted', 1
      from n`,
    sql`insert into api_key (id, org_id, scope, name, secret_hash, origin, created)
      ${series(999)} select ${org} || '-k-' || i, ${org}, 'admin', 'k ' || i, ${bytes(`key ${position} `)}, 'minted', 1 from n`,
    sql`insert into jwt_trust (org_id, id, connection_id, issuer, audience, pins, pin_key, algorithms, long_lived, created)
      ${series(999)} select ${org}, ${org} || '-j-' || i, ${org} || '-c-' || i, 'https://issuer/' || i,
        'audience ' || ${org}, '{}', '{}', 'RS256', 0, 1 from n`,
    sql`insert into reconcile_job (org_id, id, reason, cause_seq, cause_id, cursor, state, created)
      ${series(999)} select ${org}, 'j-' || i, 'plan', i, 'e-' || i, '', 'done', 1 from n`,
    sql`insert into reconcile_job_person (org_id, job_id, user_id) ${series(people)} select ${org}, 'j-0', ${u} from n`,
    sql`insert into breaker_event (org_id, id, connection_id, user_id, act, at, ord, recent, base_floor, state)
      ${series(people)} select ${org}, 'b-' || i, ${org} || '-c-' || (i % 999), ${u}, 'deactivate', i, i + 1, 1, 1, 'done'
      from n`,
    sql`insert into link_request (org_id, connection_id, subject_type, subject_id, reason, state, created)
      ${series(999)} select ${org}, ${by}, 'user', ${u}, 'plan', 'done', 1 from n`,
    sql`insert into explicit_grant (org_id, user_id, kind, target, value, set_at)
      ${series(people)} select ${org}, ${u}, 'seat', 'weave', 'viewer', 1 from n`,
    sql`insert into custom_role (org_id, id, ord, name, name_key, base, version, created, updated)
      ${series(499)} select ${org}, ${org} || '-r-' || i, i + 1, 'Role ' || i, 'role ' || i, 'member', 1, 1, 1 from n`,
    sql`insert into custom_role_permission (org_id, role_id, permission)
      ${series(499)} select ${org}, ${org} || '-r-' || i, 'run:delete' from n`,
    sql`insert into session (id, org_id, user_id, secret_hash, method, issuer, subject, sid, created, last_seen, authenticated_at, expires)
      ${series(people)} select ${org} || '-s-' || i, ${org}, ${u}, ${bytes(`session ${position} `)}, 'oidc',
        'https://issuer', 'sub ' || i, 'sid ' || i, 1, 1, 1, 2 from n`,
    sql`insert into identity (org_id, issuer, subject_key, user_id, provider_id, way, created, last_sign_in)
      ${series(people)} select ${org}, 'https://issuer', 'key-' || i, ${u}, 'p', 'made', 1, 1 from n`,
    sql`insert into activity_day (org_id, user_id, day, sign_ins, views, runs, reports, calls)
      ${series(people)} select ${org}, ${u}, 20000 + i % 500, 0, 1, 0, 0, 0 from n`,
    sql`insert into user_activity (org_id, user_id, last_active, last_sign_in, days_active, sign_ins, views, runs, reports,
        calls) ${series(people)} select ${org}, ${u}, 1700000000000 + i, 0, 1, 0, 1, 0, 0, 0 from n`,
    sql`insert into activity_mark (org_id, user_id, unit, start)
      ${series(people)} select ${org}, ${u}, 'month', 20000 + i % 500 from n`,
    sql`insert into active_count (org_id, unit, start, users)
      ${series(499)} select ${org}, 'day', 20000 + i, 1 from n`,
    sql`insert into invite (org_id, id, user_id, token_hash, email_key, state, created, sent, expires)
      ${series(people)} select ${org}, 'i-' || i, ${u}, ${bytes(`invite ${position} `)}, case i % 100 when 0 then 'x' else '' end,
        case i % 100 when 0 then 'pending' else 'accepted' end, 1, 1, 1000 + i from n`,
    sql`insert into outbox (org_id, id, kind, person_id, payload, state, attempts, next_ms, created, ended)
      ${series(people)} select ${org}, 'o-' || i, 'invite', ${u}, case i % 100 when 0 then 'x' else '' end,
        case i % 100 when 0 then 'waiting' else 'sent' end, 1, 1000 + i, 1, case i % 100 when 0 then null else i end from n`,
    sql`insert into sink (org_id, id, name, name_key, kind, config, secret_hash, personal, state, epoch, acked_seq,
        acked_ahead, attempts, refusals, next_ms, again, version, created)
      ${series(999)} select ${org}, 'w-' || i, 'Sink ' || i, 'sink ' || i, case i % 10 when 0 then 'poll' else 'webhook' end,
        '{}', case i % 10 when 0 then ${bytes(`sink ${position} `)} else null end, 0,
        case i % 100 when 1 then 'active' else 'paused' end, 0, 0, '[]', 0, 0, 1000 + i, 0, 1, 1 from n`,
    sql`insert into sink_dead (org_id, sink_id, epoch, seq, status, error, at_ms, again)
      ${series(people)} select ${org}, 'w-' || (i % 100), 0, i, 422, 'x', 1, case i % 100 when 0 then 1 else 0 end from n`,
    sql`insert into log_purge (org_id, upto_seq, record_seq, time_ms, done_ms)
      ${series(99)} select ${org}, i + 1, i + 2, 1, 1 from n`,
    sql`insert into log_reader (org_id, reader, read_ms) ${series(999)} select ${org}, 'reader ' || i, 1 from n`,
    sql`insert into access_review (org_id, id, name, seq, created, state)
      ${series(99)} select ${org}, 'v-' || i, 'Review ' || i, 1, 1, 'open' from n`,
    sql`insert into access_review_item (org_id, review_id, n, user_id, kind, target, value, from_seq)
      ${series(people)} select ${org}, 'v-' || (i % 10), i, ${u}, 'active', '', 'active', 1 from n`,
    sql`insert into domain_claim (org_id, domain_key, challenge, captures, created, proved_at, next_ms)
      ${series(999)} select ${org}, 'd' || i || ${sql.lit(`.o${position}.example`)}, 'x', 0, 1,
        case i % 10 when 0 then 1 else null end, case i % 10 when 0 then 1000 + i else 8640000000000000 end from n`,
    sql`insert into erasure (org_id, person_id, seq, time_ms, exported_ms)
      ${series(people)} select ${org}, ${u}, i + 1, i, case i % 100 when 0 then null else i end from n`,
    sql`insert into legal_hold (org_id, id, person_id, placed_seq, placed_ms, released_seq, released_ms)
      ${series(999)} select ${org}, ${org} || '-h-' || i, ${u}, i + 1, 1, case i % 100 when 0 then null else i + 2 end,
        case i % 100 when 0 then null else 2 end from n`,
    // Rules that are switched off: who is looked at here has what they have without any.
    sql`insert into mapping_rule (org_id, id, ord, name, match_kind, match_value, match_key, connection_id,
        directory_only, enabled, version, created, updated)
      ${series(999)} select ${org}, ${org} || '-m-' || i, i + 1, 'Rule ' || i, 'name', 'm ' || i, 'm ' || i, '', 0, 0, 1, 1, 1
      from n`,
    // What the first people are does not matter here: one in a hundred of the accounts is of the whole org.
    sql`insert into service_account (org_id, user_id, scope, default_team_id, jwt_issuer, jwt_subject)
      ${series(999)} select ${org}, ${u}, case i % 100 when 0 then 'org' else 'team' end, ${g(sql`0`)},
        'https://platform', 'pod ' || i from n`,
    sql`insert into spent_token (org_id, token_hash, expires)
      ${series(people)} select ${org}, ${bytes(`spent ${position} `)}, 1000 + i from n`,
    sql`insert into org_counter (org_id, name, value) values (${org}, 'user', ${sql.lit(people + 1)}),
      (${org}, 'group', ${sql.lit(groups + 1)}), (${org}, 'ord.user', ${sql.lit(people + 1)}),
      (${org}, 'ord.group', ${sql.lit(groups + 1)})`,
    sql`insert into seat_counter (org_id, product, type, used) values (${org}, 'models', 'full', ${sql.lit(people + 1)})`,
  ]
  await unbounded(test, async (db) => {
    for (const statement of statements) await statement.execute(db)
  })
}

/** Loading takes longer than a request may, and what is loaded here refers to nothing that is not there. */
export async function unbounded(test: TestStore, run: (db: Kysely<Database>) => Promise<unknown>): Promise<void> {
  await test.connections.writer.transaction().execute(async (db) => {
    if (test.dialect === 'postgres') {
      await sql`set local statement_timeout = 0`.execute(db)
      await sql`set local session_replication_role = replica`.execute(db)
    }
    await run(db)
  })
}

/** What an org declared. */
export const SQUAD: OrgAttribute = {
  ...{ name: 'squad', type: 'string', multiValued: false, caseExact: false, description: '', state: 'live' },
}

/** Gives everybody of an org a value of an attribute that it declared. */
export async function giveSquads({ connections }: TestStore, orgId: OrgId): Promise<void> {
  await sql`insert into user_attr (org_id, user_id, attr, ordinal, key_text)
    select org_id, id, ${SQUAD.name}, 0, username_key from "user" where org_id = ${orgId}`.execute(connections.writer)
}
