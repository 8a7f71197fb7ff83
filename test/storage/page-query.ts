import type { AccessPeriod } from '../../src/domain/history-ports.ts'
import type { PageQuery } from '../../src/domain/ports.ts'
import { parseFilter } from '../../src/scim/filter/parse.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import { userViews } from '../../src/scim/schema/user-view.ts'
import { SQUAD, user } from './full-orgs.ts'

const VIEWER = { kind: 'idp', connectionId: undefined } as const

/** What a list of people or groups asks a store, with a filter as a client writes it. */
export function page(filterText: string | undefined, view: 'User' | 'Group', more: Partial<PageQuery> = {}): PageQuery {
  const schemas = view === 'User' ? userViews([SQUAD]).shown : baseView(view)
  const filter = filterText === undefined ? undefined : parseFilter(filterText, schemas)
  return { filter, sort: undefined, startIndex: 1, count: 100, viewer: VIEWER, ...more }
}

/** A row that others come after. */
export const PERIOD: AccessPeriod = {
  ...{ user: user(70), kind: 'active', target: '', value: 'active' },
  ...{ fromSeq: 0, toSeq: undefined, from: 0, to: undefined },
}
