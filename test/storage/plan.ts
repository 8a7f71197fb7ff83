import Sqlite from 'better-sqlite3'
import type { CompiledQuery } from 'kysely'
import type { Client } from 'pg'

/** How a store says that it runs a statement. */
export interface Plan {
  readonly text: string
  /** Steps that read a table, or an org's part of one, from end to end. */
  readonly scans: readonly string[]
}

/** Asks for the plan of a statement with the values it ran with. */
export type Explain = (query: CompiledQuery) => Promise<Plan>

/**
 * One row an org, one row a table: here a whole org is as much as is looked for. So it is of service accounts, by an index
 * that holds only those of the whole org.
 */
const SMALL = /^(org|org_policy|org_chain|org_counter|seat_counter|deployment|service_account)$/

/** Lines of EXPLAIN QUERY PLAN: https://www.sqlite.org/eqp.html */
export function sqliteExplain(file: string): Explain {
  const database = new Sqlite(file, { readonly: true })
  return (query) => {
    const statement = database.prepare(`EXPLAIN QUERY PLAN ${query.sql}`)
    const rows = statement.all(...query.parameters) as readonly { detail: string }[]
    const lines = rows.map(({ detail }) => detail)
    const scans = lines.filter((line) => {
      const scanned = /^SCAN (\S+)/.exec(line)?.[1]
      if (scanned !== undefined) return !isDerived(query.sql, scanned, line)
      // An index of which only the org is used reads all that the org has.
      const searched = /^SEARCH (\S+) .*\(org_id=\?\)$/.exec(line)?.[1]
      return searched !== undefined && !SMALL.test(tableOf(query.sql, searched))
    })
    return Promise.resolve({ text: lines.join('\n'), scans })
  }
}

/** A list of bound values, a subquery or a constant row: not a table. */
function isDerived(text: string, name: string, line: string): boolean {
  if (/VIRTUAL TABLE|CONSTANT ROW|^SCAN \(subquery/.test(line)) return true
  return new RegExp(`\\)\\s+as\\s+"?${name}"?\\b`, 'i').test(text)
}

function tableOf(text: string, alias: string): string {
  return new RegExp(`"?(\\w+)"?\\s+as\\s+"?${alias}"?\\b`, 'i').exec(text)?.[1] ?? alias
}

interface PgNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly PgNode[]
}

/** Nodes of EXPLAIN (FORMAT JSON): https://www.postgresql.org/docs/current/using-explain.html */
export function postgresExplain(client: Client): Explain {
  return async (query) => {
    const answer = await client.query<{ 'QUERY PLAN': readonly { readonly Plan: PgNode }[] }>(
      `EXPLAIN (FORMAT JSON, COSTS OFF) ${query.sql}`,
      [...query.parameters],
    )
    const nodes: PgNode[] = []
    const walk = (node: PgNode): void => {
      nodes.push(node)
      node.Plans?.forEach(walk)
    }
    walk(answer.rows[0]!['QUERY PLAN'][0]!.Plan)
    const lines = nodes.map((node) => {
      const parts = ['Node Type', 'Relation Name', 'Index Name', 'Index Cond'] as const
      return parts.map((part) => node[part] ?? '').join(' ')
    })
    const scans = lines.filter((_line, index) => {
      const node = nodes[index]!
      if (SMALL.test(node['Relation Name'] ?? '')) return false
      if (node['Node Type'] === 'Seq Scan') return true
      return /^\(\(?\w*\.?org_id = [^)]*\)$/.test(node['Index Cond'] ?? '')
    })
    return { text: lines.join('\n'), scans }
  }
}
