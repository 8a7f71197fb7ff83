import { expect } from 'chai'
import type { UserState } from '../../../src/domain/user.ts'
import { readPatchOp } from '../../../src/scim/patch/envelope.ts'
import { planUserPatch } from '../../../src/scim/patch/plan-user.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { readUserBody, toNewUser } from '../../../src/scim/schema/normalise.ts'

export const view = baseView('User')

export type Operation = readonly [op: string, path: string | undefined, value?: unknown]

/** The plan of the operations, through the envelope, as JSON brings them. */
export function plan(...operations: readonly Operation[]) {
  const list = operations.map(([op, path, value]) => ({
    op,
    ...(path === undefined ? {} : { path }),
    ...(value === undefined ? {} : { value }),
  }))
  return planUserPatch(readPatchOp(JSON.parse(JSON.stringify({ Operations: list }))), view)
}

/** The state that a POST of the body makes. */
export function userWith(body: object): UserState {
  const { attributes, active, externalId } = toNewUser(readUserBody({ userName: 'ann', ...body }, view))
  return { attributes, active, externalId }
}

export const work = { value: 'w@x.org', type: 'work' }
export const home = { value: 'h@x.org', type: 'home' }

/** title, user before, operations, attributes after (beside userName). */
export type Case = readonly [string, object, readonly Operation[], object]

/** A test for each case: what the operations make of the user, and that the argument is not touched. */
export function changes(cases: readonly Case[]): void {
  for (const [title, before, operations, after] of cases) {
    it(title, () => {
      const current = userWith(before)
      const copy = structuredClone(current)
      expect(plan(...operations)(current)).to.deep.equal(userWith(after))
      expect(current, 'the argument').to.deep.equal(copy)
    })
  }
}
