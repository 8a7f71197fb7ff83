import { expect } from 'chai'
import { type Answer, fresh, GROUP, type ScimClient, USER } from './scim-client.ts'

/** One entry of a Bulk answer (RFC 7644 §3.7.3). */
export interface BulkResult {
  readonly method?: string
  readonly bulkId?: string
  readonly version?: string
  readonly location?: string
  readonly status: string
  readonly response?: { readonly status: string; readonly scimType?: string; readonly detail: string }
}

/** Sends operations as a BulkRequest. */
export function bulk(client: ScimClient, operations: readonly unknown[], more: object = {}): Promise<Answer> {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest']
  return client.post('/Bulk', { schemas, ...more, Operations: operations })
}

/** The results of an answer, which must be one. */
export function resultsOf(answer: Answer): readonly BulkResult[] {
  expect(answer.status, answer.text).to.equal(200)
  return answer.json['Operations'] as BulkResult[]
}

export function statusesOf(answer: Answer): readonly string[] {
  return resultsOf(answer).map(({ status }) => status)
}

/** Status and detail keyword of a result. */
export function failed({ status, response }: BulkResult): readonly [string, string | undefined] {
  return [status, response?.scimType]
}

export function expectWritten(result: BulkResult | undefined, status: string): void {
  expect(result).to.include({ status })
  expect(result?.location).to.be.a('string')
}

/** A body for POST /Groups of a fresh name. */
export const group = (more: object = {}): object => ({ schemas: [GROUP], displayName: fresh('group'), ...more })

/** A body for POST /Users of a fresh name. */
export const user = (more: object = {}): object => ({ schemas: [USER], userName: fresh('user'), ...more })

/** An operation that makes a user. */
export const postUser = (bulkId: string, more: object = {}): object => ({
  method: 'POST',
  path: '/Users',
  bulkId,
  data: user(more),
})

/** An operation that makes a group of members, which may be references. */
export const postGroup = (bulkId: string, members: readonly string[], more: object = {}): object => ({
  method: 'POST',
  path: '/Groups',
  bulkId,
  data: group({ members: members.map((value) => ({ value })), ...more }),
})
