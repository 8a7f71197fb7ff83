import { expect } from 'chai'
import fc from 'fast-check'
import { contentHashOf, linkHash } from '../../src/audit/chain.ts'
import { commitmentOf } from '../../src/audit/commitment.ts'
import { openPii } from '../../src/audit/event-pii.ts'
import { createPersonKeys } from '../../src/audit/person-key.ts'
import { createRecordSealer, MAX_BODY_BYTES } from '../../src/audit/record-sealer.ts'
import { isId, type RecordId, type UserId } from '../../src/domain/ids.ts'
import type { Json } from '../../src/domain/json.ts'
import { Personal } from '../../src/domain/record.ts'
import type { RecordDraft, RecordValue, SealedRecord, WrappedKey } from '../../src/domain/record.ts'
import { ADA, BEN, GENESIS, KEK, keysFor, NOW, ORG, sealer } from './chains.ts'
import { anyDraft, CANARY } from './drafts.ts'
import { rfc8785 } from './rfc8785.ts'

const DRAFT: RecordDraft = {
  action: 'user.update',
  actor: { type: 'idp', id: 'c-1', connectionId: 'c-1', tokenId: 't-1', issuer: 'https://idp.example', subject: 's' },
  cause: '0190a5f0-0000-7000-8000-0000000000cc' as RecordId,
  outcome: { result: 'success', status: 200, params: { count: 2 } },
  request: {
    id: 'r-1',
    method: 'PATCH',
    route: '/Users/:id',
    bulkIndex: 0,
    idpRequestId: 'x-9',
    receivedAt: NOW - 7,
    started: 100,
    client: { ip: '192.0.2.1', userAgent: 'Okta SCIM Client 1.0.0' },
  },
  targets: [
    { type: 'user', id: ADA, externalId: new Personal(ADA, 'ext-1'), display: new Personal(ADA, 'ada@x.example') },
  ],
  changes: [
    { path: 'emails.value', old: [new Personal(ADA, 'old@x.example')], new: [new Personal(ADA, 'new@x.example')] },
    { path: 'active', old: true, new: false },
  ],
  effects: [
    { kind: 'team', target: 'g-1', old: 'member', new: null, via: 'active', people: [ADA] },
    { kind: 'active', target: '', old: 'true', new: 'false', via: 'active', people: [ADA] },
    { kind: 'team', target: 'g-1', old: 'member', new: null, via: 'active', people: [BEN, ADA] },
  ],
  steps: [{ name: 'validate', result: 'success' }],
}

function sealed(draft: RecordDraft, keys?: ReadonlyMap<UserId, WrappedKey>): SealedRecord {
  const seals = createRecordSealer({ kek: KEK, now: () => NOW, monotonic: () => 101.2346 })
  return seals.seal(ORG, draft, GENESIS, NOW, keys ?? keysFor(seals, draft))
}

type Body = Record<string, Json>

function bodyOf(record: SealedRecord): Body {
  return JSON.parse(record.body) as Body
}

describe('a sealed record', () => {
  it('holds exactly the facts of the draft, by fixed names in sorted order (src/audit/record-body.ts)', () => {
    const record = sealed(DRAFT)
    const body = bodyOf(record)
    const commitment = /^c1:[A-Za-z0-9_-]{43}$/
    const target = (body['targets'] as Body[])[0]!
    const change = (body['changes'] as Body[])[0]!
    for (const text of [
      target['display'],
      target['externalId'],
      ...(change['old'] as Json[]),
      ...(change['new'] as Json[]),
    ]) {
      expect(text).to.match(commitment)
    }
    expect(body).to.deep.equal({
      action: 'user.update',
      actor: {
        type: 'idp',
        id: 'c-1',
        connectionId: 'c-1',
        tokenId: 't-1',
        issuer: 'https://idp.example',
        subject: 's',
      },
      cause: DRAFT.cause,
      changes: [change, { path: 'active', old: true, new: false }],
      client: { ip: '192.0.2.1', userAgent: 'Okta SCIM Client 1.0.0' },
      effects: [
        { kind: 'team', target: 'g-1', old: 'member', new: null, via: 'active', people: [ADA, BEN] },
        { kind: 'active', target: '', old: 'true', new: 'false', via: 'active', people: [ADA] },
      ],
      id: record.id,
      latencyUs: 1235,
      org: ORG,
      outcome: { result: 'success', status: 200, params: { count: 2 } },
      receivedAt: '2026-01-01T00:00:00.116Z',
      request: { id: 'r-1', method: 'PATCH', route: '/Users/:id', bulkIndex: 0, idpRequestId: 'x-9' },
      steps: [{ name: 'validate', result: 'success' }],
      targets: [{ type: 'user', id: ADA, externalId: target['externalId'], display: target['display'] }],
      v: 1,
    })
    expect(record.body).to.equal(rfc8785(body))
  })

  it('leaves out what the draft does not have, and takes the wall clock where no request came (src/audit/record-body.ts)', () => {
    const record = sealed({
      action: 'org.create',
      actor: { type: 'cli' },
      outcome: { result: 'success' },
      targets: [],
      changes: [],
    })
    expect(record.body).to.equal(
      `{"action":"org.create","actor":{"type":"cli"},"id":"${record.id}","org":"${ORG}","outcome":{"result":"success"},` +
        '"receivedAt":"2026-01-01T00:00:00.123Z","targets":[],"v":1}',
    )
  })

  it('keeps to the known facts when an object carries more (src/audit/record-body.ts)', () => {
    const actor = { type: 'cli', osUser: CANARY } as const
    const target = { type: 'org', id: 'o-1', userName: CANARY } as const
    const record = sealed({ action: 'org.create', actor, outcome: { result: 'success' }, targets: [target] })
    expect(record.body).not.to.contain(CANARY)
  })

  it('follows the head: next seq, same epoch, given time, both hashes (linkText, src/audit/chain.ts)', () => {
    const head = { epoch: 3, seq: 41, time: NOW - 1, hash: new Uint8Array(32).fill(9) }
    const seals = sealer()
    const record = seals.seal(ORG, DRAFT, head, NOW, keysFor(seals, DRAFT))
    const { epoch, seq, time, contentHash } = record
    expect({ epoch, seq, time }).to.deep.equal({ epoch: 3, seq: 42, time: NOW })
    expect(contentHash).to.deep.equal(contentHashOf(record.body))
    expect(record.hash).to.deep.equal(linkHash({ org: ORG, epoch, seq, time, prev: head.hash, contentHash }))
    expect(isId(record.id) && parseInt(record.id.replaceAll('-', '').slice(0, 12), 16)).to.equal(NOW)
  })

  it('has search columns equal to its body (src/audit/verify.ts)', () => {
    const { action, result, actorType, actorId, connectionId, requestId, causeId } = sealed(DRAFT)
    expect({ action, result, actorType, actorId, connectionId, requestId, causeId }).to.deep.equal({
      action: 'user.update',
      result: 'success',
      actorType: 'idp',
      actorId: 'c-1',
      connectionId: 'c-1',
      requestId: 'r-1',
      causeId: DRAFT.cause,
    })
  })

  it('is found by its targets, the people its effects reach and the members that came and went, each once (src/audit/record-body.ts)', () => {
    const changes = [{ path: 'members', added: ['u-1', ADA], removed: ['u-2'] }]
    expect(sealed({ ...DRAFT, changes }).targets).to.deep.equal([ADA, BEN, 'u-1', 'u-2'])
  })

  it('gives back every personal value under its person, and none in the hashed bytes (src/audit/record-sealer.ts)', () => {
    fc.assert(
      fc.property(anyDraft, (draft) => {
        const seals = sealer()
        const keys = keysFor(seals, draft)
        const record = seals.seal(ORG, draft, GENESIS, NOW, keys)
        expect(record.body).not.to.contain(CANARY)
        expect(record.body).to.equal(rfc8785(JSON.parse(record.body)))
        const expected = personalsIn(record, draft)
        const opened = openAll(record, keys)
        expect(opened.map(({ person, ref, value }) => ({ person, ref, value }))).to.have.deep.members(expected)
        for (const { ref, salt, value } of opened) {
          expect(at(bodyOf(record), ref)).to.equal(commitmentOf([ref, salt, value]))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('commits without keeping anything for an erased person, and as ever for others (GDPR art. 17)', () => {
    const draft = {
      ...DRAFT,
      targets: [...DRAFT.targets, { type: 'user', id: BEN, display: new Personal(BEN, 'ben') } as const],
    }
    const seals = sealer()
    const keys = new Map([...keysFor(seals, draft), [ADA, { kekId: undefined, wrapped: undefined }]])
    const record = seals.seal(ORG, draft, GENESIS, NOW, keys)
    expect(record.pii.map(({ person }) => person)).to.deep.equal([BEN])
    expect(at(bodyOf(record), '/targets/0/display')).to.match(/^c1:/)
  })

  it('commits to equal values by different texts (src/audit/commitment.ts)', () => {
    const value = new Personal(ADA, 'same')
    const record = sealed({ ...DRAFT, changes: [{ path: 'userName', old: value, new: value }] })
    expect(at(bodyOf(record), '/changes/0/old')).not.to.equal(at(bodyOf(record), '/changes/0/new'))
  })

  it('names each person of a draft once, wherever the value is nested (src/domain/record.ts)', () => {
    const nested = [{ value: { deep: [new Personal(BEN, 1)] } }]
    expect(sealer().peopleIn({ ...DRAFT, changes: [{ path: 'x', new: nested }] })).to.deep.equal([ADA, BEN])
    expect(sealer().peopleIn({ ...DRAFT, targets: [], changes: [] })).to.deep.equal([])
  })

  it('takes no negative latency from a clock read in another order (src/audit/record-sealer.ts)', () => {
    const late = { id: 'r', receivedAt: NOW, started: 500 }
    expect(bodyOf(sealed({ ...DRAFT, request: late }))['latencyUs']).to.equal(0)
  })

  const bugs: readonly (readonly [string, string, Partial<RecordDraft>])[] = [
    ['a key users gave', 'no fixed name', { outcome: { result: 'success', params: { 'urn:example:x': 1 } } }],
    ['a key named __proto__', 'no fixed name', { steps: [JSON.parse('{"__proto__":1}') as Record<string, Json>] }],
    ['a fraction', 'integers', { changes: [{ path: 'x', new: 0.5 }] }],
    ['U+0000 in a personal value', 'U+0000', { changes: [{ path: 'x', new: new Personal(ADA, 'a\0') }] }],
    ['a body over 1 MiB', 'over 1 MiB', { changes: [{ path: 'x', new: 'x'.repeat(1024 * 1024) }] }],
  ]
  for (const [name, message, part] of bugs) {
    it(`refuses ${name} before it becomes a row (src/audit/record-sealer.ts)`, () => {
      expect(() => sealed({ ...DRAFT, ...part })).to.throw(Error, message)
    })
  }

  it('refuses a person whose key was not fetched, and time before the head (src/domain/record.ts)', () => {
    expect(() => sealed(DRAFT, new Map())).to.throw(Error, 'was not given')
    expect(() => sealer().seal(ORG, DRAFT, { ...GENESIS, time: NOW + 1 }, NOW, new Map())).to.throw(Error, 'time')
  })

  it('leaves splitting to the one who drafts: a body over 64 KiB is sealed (MAX_BODY_BYTES)', () => {
    const record = sealed({ ...DRAFT, changes: [{ path: 'x', new: 'x'.repeat(MAX_BODY_BYTES) }] })
    expect(record.body.length).to.be.greaterThan(MAX_BODY_BYTES)
  })
})

interface Opened {
  readonly person: UserId
  readonly ref: string
  readonly salt: string
  readonly value: Json
}

function openAll(record: SealedRecord, keys: ReadonlyMap<UserId, WrappedKey>): Opened[] {
  const personKeys = createPersonKeys({ kek: KEK })
  return record.pii.flatMap(({ person, ...bytes }) => {
    const key = personKeys.open(ORG, person, keys.get(person)!)!
    const triples = openPii(key, { orgId: ORG, recordId: record.id, person }, bytes)
    return triples.map(([ref, salt, value]) => ({ person, ref, salt, value }))
  })
}

/** Where a draft's personal values must have gone, found by walking the draft along the body's own pointers. */
function personalsIn(record: SealedRecord, draft: RecordDraft): Omit<Opened, 'salt'>[] {
  const found: Omit<Opened, 'salt'>[] = []
  const walk = (value: RecordValue | undefined, ref: string): void => {
    if (value instanceof Personal) {
      found.push({ person: value.person, ref, value: JSON.parse(JSON.stringify(value.value)) as Json })
      expect(at(bodyOf(record), ref)).to.match(/^c1:/)
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value)) walk(child, `${ref}/${key}`)
    }
  }
  walk(draft.targets as unknown as RecordValue, '/targets')
  walk(draft.changes as unknown as RecordValue, '/changes')
  return found
}

function at(body: Json, pointer: string): Json | undefined {
  return pointer
    .split('/')
    .slice(1)
    .reduce<Json | undefined>((value, key) => (value as Record<string, Json> | undefined)?.[key], body)
}
