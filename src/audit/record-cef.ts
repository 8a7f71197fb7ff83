import type { StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'
import { factsOf, textIn } from './record-facts.ts'

const NAMES: Readonly<Record<string, number>> = { refused: 5, error: 7, staged: 4 }

/**
 * A record as one line of ArcSight's Common Event Format (version 0): no value can begin another field, nor another
 * line.
 */
export function cefLine(record: StoredRecord, pii: readonly PiiTriple[] = []): string {
  const facts = factsOf(record, pii)
  const [target] = facts.targets
  const header = ['Rollcall', 'Rollcall', '1', record.action, record.action, String(NAMES[facts.result] ?? 3)]
  const fields: Readonly<Record<string, string | undefined>> = {
    rt: String(record.time),
    externalId: record.id,
    act: record.action,
    outcome: facts.result,
    reason: facts.reason,
    suid: textIn(facts.actor['id']) ?? textIn(facts.actor['subject']),
    src: textIn(facts.client['ip']),
    requestClientApplication: textIn(facts.client['userAgent']),
    duid: textIn(target?.['id']),
    duser: textIn(facts.changed('userName')),
    cs1Label: 'targetType',
    cs1: textIn(target?.['type']),
    cs2Label: 'requestId',
    cs2: record.requestId,
    cs3Label: 'hash',
    cs3: Buffer.from(record.hash).toString('hex'),
    cn1Label: 'seq',
    cn1: String(record.seq),
  }
  const extension = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${valueText(value)}`],
  )
  return `CEF:0|${header.map(headerText).join('|')}|${extension.join(' ')}\n`
}

/** Of the header: a bar or a backslash is escaped, and a line never ends in it. */
function headerText(text: string): string {
  return text.replace(/[\\|]/g, '\\$&').replace(/\p{Cc}/gu, ' ')
}

/** Of a value: an equals sign or a backslash is escaped, line ends are written as such. */
function valueText(text: string): string {
  return text
    .replace(/[\\=]/g, '\\$&')
    .replaceAll('\r', '\\r')
    .replaceAll('\n', '\\n')
    .replace(/[\p{Cc}\u2028\u2029]/gu, ' ')
}
