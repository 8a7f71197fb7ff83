import fc from 'fast-check'
import type { RecordId, UserId } from '../../src/domain/ids.ts'
import type { Json } from '../../src/domain/json.ts'
import { Personal } from '../../src/domain/record.ts'
import type { RecordDraft, RecordValue } from '../../src/domain/record.ts'
import { ADA, BEN, NOW } from './chains.ts'

/** Every personal string starts with it, so that a test can look for it in hashed bytes. */
export const CANARY = 'canary-7f3a'

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !value.includes('\0'))
const secret = text.map((value) => CANARY + value)
const person: fc.Arbitrary<UserId> = fc.constantFrom(ADA, BEN)

const personalValue = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    secret,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof(text, fc.constant('urn:ietf:params:scim:schemas:extension:enterprise:2.0:User')),
      tie('value'),
      {
        maxKeys: 3,
        noNullPrototype: true,
      },
    ),
  ),
})).value
const personal = fc.tuple(person, personalValue).map(([who, value]) => new Personal(who, value))

const recordValue = fc.letrec<{ value: RecordValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.constant(null),
    text,
    personal,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.record({ value: tie('value'), type: tie('value') }, { requiredKeys: [] }),
  ),
})).value

/** Any draft, with personal values of two people anywhere it may hold them. */
export const anyDraft: fc.Arbitrary<RecordDraft> = fc.record(
  {
    action: fc.constantFrom('user.create', 'user.update', 'group.update', 'sync.noop'),
    actor: fc.record(
      { type: fc.constantFrom('idp' as const, 'cli' as const), id: text, connectionId: text, tokenId: text },
      { requiredKeys: ['type'] },
    ),
    outcome: fc.record(
      { result: fc.constantFrom('success' as const, 'refused' as const), status: fc.nat(599), reason: text },
      { requiredKeys: ['result'] },
    ),
    request: fc.record(
      {
        id: text,
        method: fc.constant('PATCH'),
        route: fc.constant('/Users/:id'),
        bulkIndex: fc.nat(10),
        receivedAt: fc.constant(NOW),
        started: fc.constant(0),
        client: fc.record({ ip: fc.constant('192.0.2.1'), userAgent: text }, { requiredKeys: [] }),
      },
      { requiredKeys: ['id', 'receivedAt', 'started'] },
    ),
    cause: fc.uuid().map((id) => id as RecordId),
    targets: fc.array(
      fc.record(
        { type: fc.constant('user' as const), id: text, externalId: personal, display: fc.oneof(text, personal) },
        { requiredKeys: ['type', 'id'] },
      ),
      { maxLength: 3 },
    ),
    changes: fc.array(
      fc.record(
        { path: text, old: recordValue, new: recordValue, added: fc.array(text, { maxLength: 3 }) },
        { requiredKeys: ['path'] },
      ),
      { maxLength: 3 },
    ),
    effects: fc.array(
      fc.record({
        kind: fc.constantFrom('team' as const, 'seat' as const),
        target: text,
        old: fc.option(text),
        new: fc.option(text),
        via: text,
        people: fc.array(person, { maxLength: 2 }),
      }),
      { maxLength: 3 },
    ),
    steps: fc.array(fc.record({ name: text, result: text }), { maxLength: 2 }),
  },
  { requiredKeys: ['action', 'actor', 'outcome', 'targets'] },
)

/** Drafts with times that never step back. */
export const anySteps = fc
  .array(fc.record({ draft: anyDraft, later: fc.nat(5000) }), { minLength: 1, maxLength: 8 })
  .map((steps) => {
    let time = NOW
    return steps.map(({ draft, later }) => ({ draft, time: (time += later) }))
  })
