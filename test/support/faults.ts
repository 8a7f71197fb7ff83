import { expect } from 'chai'
import { sql } from 'kysely'
import type { OrgId } from '../../src/domain/ids.ts'
import { troublesOf } from '../system/beside.ts'
import type { TestStore } from './databases.ts'

/** Lets one statement of a store fail. */
export interface Faults {
  /** For {@link openTestStore}. */
  readonly onQuery: (query: { readonly sql: string }) => void
  /** The n-th statement from now on fails; none where there are fewer. */
  failAt(n: number): void
  /** Nothing fails any more. @returns whether something did */
  end(): boolean
}

export function createFaults(): Faults {
  let left = Number.POSITIVE_INFINITY
  return {
    onQuery({ sql: text }) {
      // These are done by the time they are told of; that a commit is done and not answered is asked elsewhere.
      if (/^(BEGIN|COMMIT|ROLLBACK)/.test(text)) return
      if (--left === 0) throw new Error('the statement failed, as the test wants it')
    },
    failAt(n) {
      left = n
    },
    end() {
      const wasHit = left <= 0
      left = Number.POSITIVE_INFINITY
      return wasHit
    },
  }
}

/** What is done to an org of a store, again and again. */
export interface Faulty {
  readonly test: TestStore
  readonly faults: Faults
  readonly orgId: OrgId
  /** Resolves once what was begun beside it has ended. */
  readonly settled: () => Promise<void>
  /** What is wrong with the store; {@link troublesOf} if absent. */
  readonly troubles?: typeof troublesOf
}

/**
 * Lets a change fail at its first statement, at its second, and so on until it goes through: each time the store must be
 * what it was, or hold a whole change with its record.
 */
export async function failAtEach(faulty: Faulty, run: () => Promise<unknown>): Promise<void> {
  const { test, faults, orgId, troubles = troublesOf } = faulty
  const headSeq = async (): Promise<number> => (await test.store.reads.records.head(orgId))!.seq
  const before = await headSeq()
  const state = await stateOf(test)
  let failures = 0
  for (let statement = 1; ; statement++) {
    faults.failAt(statement)
    const problem = await run().then(
      () => undefined,
      (error: unknown) => error ?? new Error('rejected'),
    )
    const wasHit = faults.end()
    await faulty.settled()
    if (!wasHit) {
      if (problem !== undefined) throw problem as Error
      break
    }
    failures++
    if ((await stateOf(test)) === state) continue
    // The first of several changes was done.
    expect(await headSeq(), `statement ${statement}: the state changed and the log did not`).to.be.above(before)
    expect(await troubles(test, orgId), `statement ${statement}`).to.deep.equal([])
    break
  }
  expect(failures).to.be.greaterThan(2)
  if ((await headSeq()) === before) throw new Error('It was never done')
  expect(await troubles(test, orgId)).to.deep.equal([])
}

/** Every row of the tables that changes touch, but for the lines of requests. */
async function stateOf(test: TestStore): Promise<string> {
  const names = (await tablesOf(test)).filter((name) => !name.startsWith('kysely') && name !== 'request_log')
  return test.dialect === 'sqlite' ? rowsOf(test, names) : rowsAtOnce(test, names)
}

async function tablesOf({ connections: { reader }, dialect }: TestStore): Promise<readonly string[]> {
  const names =
    dialect === 'sqlite'
      ? sql<{
          name: string
        }>`select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`
      : sql<{ name: string }>`select table_name as name from information_schema.tables
          where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name`
  return (await names.execute(reader)).rows.map(({ name }) => name)
}

async function rowsOf({ connections: { reader } }: TestStore, names: readonly string[]): Promise<string> {
  const parts: string[] = []
  for (const name of names) {
    const { rows } = await sql`select * from ${sql.table(name)}`.execute(reader)
    parts.push(name, ...rows.map((row) => JSON.stringify(row)).sort())
  }
  return parts.join('\n')
}

/** By one statement: there is a way to the server for each. */
async function rowsAtOnce({ connections: { reader } }: TestStore, names: readonly string[]): Promise<string> {
  const each = names.map((name) => sql`select ${sql.lit(name)} || t::text as line from ${sql.table(name)} as t`)
  const { rows } = await sql<{ line: string }>`${sql.join(each, sql` union all `)} order by 1`.execute(reader)
  return rows.map(({ line }) => line).join('\n')
}
