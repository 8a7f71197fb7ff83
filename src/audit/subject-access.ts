import type { OrgId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { isAsked, pagesOf, rangeOf } from './log-query.ts'
import { disclosed, type ValueOpener } from './opened-values.ts'

/** Whose data is given out, and what opens their values. */
export interface SubjectRequest {
  readonly orgId: OrgId
  readonly person: UserId
  readonly values: ValueOpener
}

/**
 * Everything that is held of one person as one JSON object: `held`, the rows by table, and `log`, the records that speak of
 * them, with their own values opened and those of others left as commitments. In pieces: of the log nothing is held but a
 * page.
 */
export async function* subjectAccess(
  { privacy, records }: Pick<ReadStores, 'privacy' | 'records'>,
  { orgId, person, values }: SubjectRequest,
): AsyncGenerator<string> {
  const held = await privacy.held(orgId, person)
  yield `{"org":${JSON.stringify(orgId)},"person":${JSON.stringify(person)},"held":${JSON.stringify(held)},"log":[`
  let first = true
  for await (const page of pagesOf(records, orgId, await rangeOf(records, orgId, {}))) {
    const about = page.filter((record) => isAsked({ about: person }, record))
    const opened = await values.open(orgId, about, person)
    for (const { seq, time, body } of about) {
      const record = { seq, time: new Date(time).toISOString(), record: disclosed(body, opened.get(seq) ?? []) }
      yield `${first ? '' : ','}\n${JSON.stringify(record)}`
      first = false
    }
  }
  yield '\n]}\n'
}
