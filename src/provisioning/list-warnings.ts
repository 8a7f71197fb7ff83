import type { Connection } from '../domain/connection.ts'
import type { OrgId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { Warning } from '../domain/warning.ts'

/** A token that ends within this time is worth a warning. */
const SOON_MS = 30 * 86_400_000

/**
 * What the admins of an org should look at.
 * @param now epoch milliseconds
 */
export async function listWarnings(
  reads: Pick<ReadStores, 'orgs' | 'warnings' | 'sinks'>,
  orgId: OrgId,
  now: number,
): Promise<readonly Warning[]> {
  const [admins, teams, connections, sinks] = await Promise.all([
    reads.warnings.admins(orgId),
    reads.warnings.teamsWithOneAdmin(orgId),
    connectionWarnings(reads, orgId, now),
    sinkWarnings(reads, orgId),
  ])
  const [only, second] = admins
  const org: readonly Warning[] =
    only === undefined
      ? [{ code: 'org.no-admin' }]
      : second === undefined
        ? [{ code: 'org.single-admin', ...only }]
        : []
  return [...org, ...teams.map((team) => ({ code: 'team.single-admin', ...team }) as const), ...connections, ...sinks]
}

async function sinkWarnings({ sinks }: Pick<ReadStores, 'sinks'>, orgId: OrgId): Promise<readonly Warning[]> {
  const all = await sinks.list(orgId)
  if (all.length === 0) return []
  const dead = await sinks.deadCounts(orgId)
  return all.flatMap(({ id: sink, name, state }): readonly Warning[] => {
    const count = dead.get(sink) ?? 0
    return [
      ...(state === 'suspended' ? [{ code: 'sink.suspended', sink, name } as const] : []),
      ...(count > 0 ? [{ code: 'sink.dead-letters', sink, name, count } as const] : []),
    ]
  })
}

async function connectionWarnings(
  { orgs }: Pick<ReadStores, 'orgs'>,
  orgId: OrgId,
  now: number,
): Promise<readonly Warning[]> {
  const [connections, tokens, trusts] = await Promise.all([
    orgs.connections(orgId),
    orgs.tokens(orgId),
    orgs.trusts(orgId),
  ])
  const warningOf = ({ id, name }: Connection): readonly Warning[] => {
    if (trusts.some(({ connectionId }) => connectionId === id)) return []
    const live = tokens
      .filter(({ connectionId, revoked, expires = Infinity }) => {
        return connectionId === id && revoked === undefined && expires > now
      })
      .sort((a, b) => (b.expires ?? Infinity) - (a.expires ?? Infinity))
    const [last] = live
    if (last === undefined) return [{ code: 'connection.no-credential', connection: id, name }]
    const { expires = Infinity } = last
    if (expires > now + SOON_MS) return []
    return [{ code: 'token.expires-soon', connection: id, name, token: last.id, expires }]
  }
  return connections.filter(({ status }) => status === 'active').flatMap(warningOf)
}
