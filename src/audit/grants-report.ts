import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { partsOf, type ReadEffect, type ReadRecord, recordPages } from './effect-walk.ts'
import { kindText, Names } from './report-names.ts'
import { type Column, type Fact, type Report, REPORT_PAGE, type ReportRow } from './report.ts'
import type { Range } from './report-time.ts'

const COLUMNS: readonly Column[] = [
  { name: 'time', label: 'Time', kind: 'time' },
  { name: 'user', label: 'Person, by id' },
  { name: 'userName', label: 'Person' },
  { name: 'kind', label: 'What' },
  { name: 'target', label: 'Of, by id' },
  { name: 'targetName', label: 'Of' },
  { name: 'before', label: 'Before' },
  { name: 'value', label: 'Given' },
  { name: 'through', label: 'Through' },
  { name: 'group', label: 'Group' },
  { name: 'rule', label: 'Rule' },
  { name: 'by', label: 'By, by id' },
  { name: 'byName', label: 'By' },
  { name: 'byType', label: 'By a' },
  { name: 'action', label: 'Action' },
  { name: 'request', label: 'Request' },
  { name: 'record', label: 'Record', kind: 'number' },
]

/**
 * What was given in a time: to whom, what, when, by whom, and through which group and rule. It is read out of the hashed
 * text of the records. What a job of ours applied later is said to be given by whoever made it necessary.
 */
export function grantsReport(reads: Pick<ReadStores, 'history' | 'records'>, orgId: OrgId, range: Range): Report {
  return {
    name: 'grants',
    title: 'Grants in a period',
    facts: rangeFacts(range),
    columns: COLUMNS,
    async *rows() {
      for await (const page of recordPages(reads, orgId, range)) {
        for (const part of partsOf(grantsIn(page), REPORT_PAGE)) yield await rowsOf(reads, orgId, part)
      }
    },
  }
}

/** A report's range as it is said. */
export function rangeFacts({ from, to }: Range): readonly Fact[] {
  return [
    { name: 'from', label: 'From', kind: 'time', value: from },
    { name: 'to', label: 'To', kind: 'time', value: to },
  ]
}

interface Given extends ReadRecord {
  readonly user: UserId
  readonly effect: ReadEffect
  readonly via: Via
}

function* grantsIn(page: readonly ReadRecord[]): Generator<Given> {
  for (const read of page) {
    for (const effect of read.body.effects ?? []) {
      if (effect.new === null || effect.new === effect.old) continue
      const via = viaOf(effect.via)
      for (const user of effect.people) yield { ...read, user, effect, via }
    }
  }
}

interface Via {
  readonly through: string
  readonly group: string | undefined
  readonly rule: string | undefined
}

const THROUGH: Readonly<Record<string, string>> = {
  explicit: 'set on the person',
  default: 'default',
  status: 'the account itself',
}

/** `rule:<rule>/<group>`, `member:<group>`, or one word. */
function viaOf(text: string): Via {
  const [kind = '', id = ''] = text.split(':', 2)
  const [first, second] = id.split('/', 2)
  if (kind === 'rule') return { through: 'rule', rule: first, group: second }
  if (kind === 'member') return { through: 'membership', rule: undefined, group: first }
  return { through: THROUGH[kind] ?? kind, rule: undefined, group: undefined }
}

async function rowsOf(
  { history }: Pick<ReadStores, 'history'>,
  orgId: OrgId,
  part: readonly Given[],
): Promise<readonly ReportRow[]> {
  const caused = part.map(({ body }) => body.cause).filter((id): id is RecordId => id !== undefined)
  const causes = caused.length === 0 ? new Map() : await history.causes(orgId, [...new Set(caused)])
  const givers = part.map(({ body }) => giverOf(body, causes))
  const ids = part.flatMap(({ user, effect, via }) => [
    user,
    effect.target,
    effect.new,
    effect.old,
    via.group,
    via.rule,
  ])
  const names = await Names.read(history, orgId, [
    ...ids.map((id) => id ?? undefined),
    ...givers.map(({ actorId }) => actorId),
  ])
  return part.map(({ record, body, user, effect, via }, at) => {
    const giver = givers[at]!
    return [
      ...[record.time, user, names.of(user), kindText(effect.kind), effect.target, names.of(effect.target)],
      ...[named(names, effect.old), named(names, effect.new), via.through],
      ...[named(names, via.group), named(names, via.rule)],
      ...[
        giver.actorId ?? null,
        names.actor(giver),
        giver.actorType,
        body.action,
        body.request?.id ?? null,
        record.seq,
      ],
    ]
  })
}

function named(names: Names, id: string | null | undefined): string | null {
  return id === null || id === undefined ? null : names.of(id)
}

interface Giver {
  readonly actorType: string
  readonly actorId: string | undefined
}

function giverOf({ actor, cause }: ReadRecord['body'], causes: ReadonlyMap<RecordId, Giver>): Giver {
  const known = cause === undefined ? undefined : causes.get(cause)
  return known ?? { actorType: actor.type, actorId: actor.id }
}
