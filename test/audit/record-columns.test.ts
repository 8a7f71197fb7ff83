import { expect } from 'chai'
import fc from 'fast-check'
import { differingColumn } from '../../src/audit/record-columns.ts'
import type { LinkedRecord } from '../../src/domain/ports.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts'
import type { SealedRecord } from '../../src/domain/record.ts'
import { chainOf, ORG } from './chains.ts'
import { anySteps } from './drafts.ts'

const COLUMNS = ['id', 'action', 'result', 'actorType', 'actorId', 'connectionId', 'requestId', 'causeId'] as const

/** The same question answered from the whole body. */
function expected(record: LinkedRecord): string | undefined {
  const body = JSON.parse(record.body) as JsonObject
  const at = (key: string): JsonObject => (isJsonObject(body[key]) ? body[key] : {})
  const facts: readonly (Json | undefined)[] = [
    ...[body['id'], body['action'], at('outcome')['result'], at('actor')['type'], at('actor')['id']],
    ...[at('actor')['connectionId'], at('request')['id'], body['cause']],
  ]
  if (body['org'] !== ORG) return 'org'
  return COLUMNS.find((column, n) => record[column] !== facts[n])
}

function linked(record: SealedRecord): LinkedRecord {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  return { ...record, contentHash: hex(record.contentHash), hash: hex(record.hash) }
}

describe('search columns beside a record', () => {
  const another = fc.oneof(
    fc.constantFrom(undefined, '', 'user.create', 'success', 'idp', '"', '\\', '},"', '"},"actor":{"id":"x'),
    fc.string(),
  )

  it('are compared with the body as whoever parses all of it would (src/audit/record-columns.ts)', () => {
    fc.assert(
      fc.property(anySteps, fc.constantFrom(...COLUMNS), another, (steps, column, value) => {
        for (const record of chainOf(steps).map(linked)) {
          expect(differingColumn(ORG, record)).to.equal(undefined)
          const edited = { ...record, [column]: value }
          expect(differingColumn(ORG, edited)).to.equal(expected(edited))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('differ where a copy of the facts stands inside a value (src/audit/record-columns.ts)', () => {
    const copy = `{"action":"user.create","actor":{"id":"a","type":"idp"},"id":"r","org":"${ORG}","outcome":{"result":"success"}}`
    const body = copy.replace('"},"id":"r"', `"},"changes":[{"new":${copy},"path":"p"}],"id":"s"`)
    const record = { body, id: 'r', action: 'user.create', result: 'success', actorType: 'idp', actorId: 'a' }
    expect(differingColumn(ORG, record as LinkedRecord)).to.equal('id')
    expect(differingColumn(ORG, { ...record, id: 's' } as LinkedRecord)).to.equal(undefined)
  })
})
