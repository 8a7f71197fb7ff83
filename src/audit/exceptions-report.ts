import type { OrgId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { AccountStanding } from '../domain/standing-ports.ts'
import { Names } from './report-names.ts'
import { type Column, pagesOf, type Report, type ReportRow } from './report.ts'

const DAY_MS = 86_400_000

/** What an account can be noticed for. */
export const EXCEPTIONS = ['admin', 'neverSignedIn', 'dormant', 'notLinked', 'ownerLeft'] as const

export type ExceptionKind = (typeof EXCEPTIONS)[number]

export interface ExceptionsQuestion {
  /** Only this kind. */
  readonly kind: ExceptionKind | undefined
  /** Days without any activity after which somebody is dormant. */
  readonly dormantDays: number
  /** Epoch milliseconds. */
  readonly now: number
}

const COLUMNS: readonly Column[] = [
  { name: 'exception', label: 'Noticed for' },
  { name: 'user', label: 'Account, by id' },
  { name: 'userName', label: 'Account' },
  { name: 'since', label: 'Since', kind: 'time' },
  { name: 'detail', label: 'Detail' },
]

interface Exception {
  readonly kind: ExceptionKind
  readonly account: AccountStanding
  readonly since: number | undefined
  /** An id, or words. */
  readonly detail: string
}

/**
 * Accounts that a reviewer should look at: admins, people who never signed in or were not active for so many days, who
 * are linked to no identity provider, and service accounts that nobody answers for any more. One account can be there
 * for several reasons. Deactivated people have no access and are not looked at.
 */
export function exceptionsReport(
  reads: Pick<ReadStores, 'history' | 'standing'>,
  orgId: OrgId,
  question: ExceptionsQuestion,
): Report {
  const { kind, dormantDays } = question
  const counts = new Map<ExceptionKind, number>(EXCEPTIONS.map((one) => [one, 0]))
  return {
    name: 'exceptions',
    title: 'Accounts to look at',
    facts: [
      { name: 'kind', label: 'Noticed for', value: kind ?? 'anything' },
      { name: 'dormantDays', label: 'Dormant after days', kind: 'number', value: dormantDays },
    ],
    columns: COLUMNS,
    async *rows() {
      const pages = pagesOf((after: AccountStanding | undefined, limit) =>
        reads.standing.accounts(orgId, after?.user, limit),
      )
      for await (const page of pages) {
        const found = page.flatMap((account) => exceptionsOf(account, question))
        const shown = found.filter((one) => kind === undefined || one.kind === kind)
        for (const one of shown) counts.set(one.kind, counts.get(one.kind)! + 1)
        if (shown.length > 0) yield await rowsOf(reads, orgId, shown)
      }
    },
    summary: () => [...counts].map(([name, value]) => ({ name, label: name, kind: 'number', value })),
  }
}

function exceptionsOf(account: AccountStanding, question: ExceptionsQuestion): readonly Exception[] {
  if (!account.isActive) return []
  if (account.isService) return account.isAnsweredFor ? [] : [ownerless(account)]
  return [...adminOf(account), ...unusedOf(account, question), ...unlinkedOf(account)]
}

function ownerless(account: AccountStanding): Exception {
  const detail: UserId | string = account.answeredBy ?? 'nobody ever answered for it'
  return { kind: 'ownerLeft', account, since: undefined, detail }
}

function adminOf(account: AccountStanding): readonly Exception[] {
  if (account.orgRole !== 'admin') return []
  return [{ kind: 'admin', account, since: undefined, detail: account.owner ?? 'made by hand' }]
}

function unusedOf(account: AccountStanding, { dormantDays, now }: ExceptionsQuestion): readonly Exception[] {
  const { lastSignIn, lastActive, created } = account
  const found: Exception[] = []
  if (lastSignIn === undefined)
    found.push({ kind: 'neverSignedIn', account, since: created, detail: 'since it was made' })
  const last = Math.max(lastActive ?? 0, lastSignIn ?? 0, created)
  if (now - last > dormantDays * DAY_MS) {
    const days = Math.floor((now - last) / DAY_MS)
    found.push({ kind: 'dormant', account, since: last, detail: `${days} days without activity` })
  }
  return found
}

function unlinkedOf(account: AccountStanding): readonly Exception[] {
  if (account.owner !== undefined || account.isLinked) return []
  return [
    { kind: 'notLinked', account, since: account.created, detail: 'no connection and no sign-in provider knows it' },
  ]
}

async function rowsOf(
  { history }: Pick<ReadStores, 'history'>,
  orgId: OrgId,
  found: readonly Exception[],
): Promise<readonly ReportRow[]> {
  const names = await Names.read(
    history,
    orgId,
    found.map(({ detail }) => detail),
  )
  return found.map(({ kind, account, since, detail }) => [
    ...[kind, account.user, account.userName, since ?? null, names.of(detail)],
  ])
}
