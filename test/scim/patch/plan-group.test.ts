import { expect } from 'chai'
import { GROUP_URN } from '../../../src/domain/schema-urns.ts'
import { readPatchOp } from '../../../src/scim/patch/envelope.ts'
import { planGroupPatch } from '../../../src/scim/patch/plan-group.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { refusalOf } from '../schema/refusal.ts'

const view = baseView('Group')

type Operation = readonly [op: string, path: string | undefined, value?: unknown]

function plan(...operations: readonly Operation[]) {
  const list = operations.map(([op, path, value]) => ({ op, path, value }))
  return planGroupPatch(readPatchOp(JSON.parse(JSON.stringify({ Operations: list }))), view)
}

const ids = (...values: string[]) => values.map((value) => ({ value }))

describe('planning a PATCH of a group (RFC 7644 §3.5.2)', () => {
  const cases: readonly [string, readonly Operation[], object][] = [
    ['no operations', [], { steps: [] }],
    [
      'one member added',
      [['add', 'members', [{ value: 'a', display: 'A', $ref: 'https://x/Users/a' }]]],
      { steps: [{ do: 'add', members: ids('a') }] },
    ],
    ['a bare object (Entra ID)', [['Add', 'members', { value: 'a' }]], { steps: [{ do: 'add', members: ids('a') }] }],
    ['bare ids', [['add', 'members', ['a', 'b']]], { steps: [{ do: 'add', members: ids('a', 'b') }] }],
    [
      'PascalCase Value (older Entra ID)',
      [['Add', 'members', [{ $ref: null, Value: 'a' }]]],
      { steps: [{ do: 'add', members: ids('a') }] },
    ],
    ['an empty list, which adds nobody', [['add', 'members', []]], { steps: [] }],
    [
      'a member removed by filter (Okta)',
      [['remove', 'members[value eq "a"]']],
      { steps: [{ do: 'remove', members: ids('a') }] },
    ],
    [
      'members removed by a filter with or',
      [['remove', 'members[value eq "a" or value eq "b"]']],
      { steps: [{ do: 'remove', members: ids('a', 'b') }] },
    ],
    [
      'a member removed by e-mail address (W&B)',
      [['remove', 'members[value eq "a@x.org"]']],
      { steps: [{ do: 'remove', members: ids('a@x.org') }] },
    ],
    [
      'members removed by a value list (Entra ID)',
      [['Remove', 'members', [{ $ref: null, value: 'a' }, { value: 'b' }]]],
      { steps: [{ do: 'remove', members: ids('a', 'b') }] },
    ],
    ['an empty value list, which removes nobody', [['remove', 'members', []]], { steps: [] }],
    ['all members removed', [['remove', 'members']], { steps: [{ do: 'removeAll' }] }],
    [
      'members replaced',
      [['replace', 'members', ids('b', 'c', 'b')]],
      { steps: [{ do: 'set', members: ids('b', 'c') }] },
    ],
    ['members replaced by none', [['replace', 'members', []]], { steps: [{ do: 'set', members: [] }] }],
    ['members replaced by null', [['replace', 'members', null]], { steps: [{ do: 'set', members: [] }] }],
    ['a rename', [['replace', 'displayName', 'Ops']], { displayName: 'Ops', steps: [] }],
    [
      'a rename with the id, without a path (Okta)',
      [['replace', undefined, { id: 'g1', displayName: 'Ops' }]],
      { displayName: 'Ops', steps: [] },
    ],
    [
      'the whole group without a path (authentik)',
      [['replace', undefined, { schemas: [GROUP_URN], displayName: 'Ops', externalId: 'x', members: ids('a') }]],
      { displayName: 'Ops', externalId: 'x', steps: [{ do: 'set', members: ids('a') }] },
    ],
    [
      'members added without a path',
      [['add', undefined, { members: ids('a') }]],
      { steps: [{ do: 'add', members: ids('a') }] },
    ],
    [
      'externalId set and cleared',
      [
        ['add', 'externalId', 'x'],
        ['remove', 'externalId'],
      ],
      { externalId: null, steps: [] },
    ],
    ['externalId cleared by ""', [['replace', 'externalId', '']], { externalId: null, steps: [] }],
    [
      'the last of two names',
      [
        ['replace', 'displayName', 'A'],
        ['replace', 'DISPLAYNAME', 'B'],
      ],
      { displayName: 'B', steps: [] },
    ],
    [
      'a path with the core URN',
      [['add', `${GROUP_URN}:members`, ids('a')]],
      { steps: [{ do: 'add', members: ids('a') }] },
    ],
    [
      'neighbouring adds as one step',
      [
        ['Add', 'members', ids('a')],
        ['Add', 'members', ids('b', 'a')],
      ],
      { steps: [{ do: 'add', members: ids('a', 'b') }] },
    ],
    [
      'the order of different steps',
      [
        ['add', 'members', ids('a')],
        ['remove', 'members', ids('b')],
        ['add', 'members', ids('b')],
        ['remove', 'members'],
      ],
      {
        steps: [
          { do: 'add', members: ids('a') },
          { do: 'remove', members: ids('b') },
          { do: 'add', members: ids('b') },
          { do: 'removeAll' },
        ],
      },
    ],
  ]
  for (const [title, operations, wanted] of cases) {
    it(`takes ${title}`, () => {
      expect(plan(...operations)).to.deep.equal({ ignored: [], ...wanted })
    })
  }

  it('leaves any other filter to the store', () => {
    const { steps } = plan(['remove', 'members[type eq "Group"]'])
    expect(steps).to.have.length(1)
    expect(steps[0]).to.deep.include({ do: 'removeWhere' })
  })

  it('names unknown keys of a path-less value', () => {
    expect(plan(['add', undefined, { colour: 'red', members: ids('a') }]).ignored).to.deep.equal(['colour'])
  })

  const refused: readonly [string, readonly Operation[], string][] = [
    ['an unknown attribute in a path', [['add', 'colour', 'red']], 'invalid-path'],
    ['__proto__ in a path', [['add', '__proto__', 'red']], 'invalid-path'],
    ['clearing displayName', [['replace', 'displayName', '']], 'invalid-value'],
    ['removing displayName', [['remove', 'displayName']], 'mutability'],
    ['a displayName that is a number', [['replace', 'displayName', 7]], 'invalid-value'],
    ['replace without a value', [['replace', 'members']], 'invalid-value'],
    ['a member without value', [['add', 'members', [{ display: 'A' }]]], 'invalid-value'],
    ['a listed removal without value', [['remove', 'members', [{ display: 'A' }]]], 'invalid-value'],
    [
      'another display of a member (RFC 7643 §8.7.1: immutable)',
      [['replace', 'members[value eq "a"].display', 'A']],
      'mutability',
    ],
    ['another value of a member', [['replace', 'members[value eq "a"].value', 'b']], 'mutability'],
    ['a member replaced by filter', [['replace', 'members[value eq "a"]', { value: 'b' }]], 'mutability'],
    ['id in a path', [['replace', 'id', 'x']], 'mutability'],
    ['meta in a path', [['remove', 'meta']], 'mutability'],
    ['remove without a path', [['remove', undefined, { members: ids('a') }]], 'no-target'],
    ['an externalId that is a number', [['replace', 'externalId', 7]], 'invalid-value'],
  ]
  for (const [title, operations, code] of refused) {
    it(`refuses ${title}`, () => {
      const error = refusalOf(() => plan(...operations))
      expect(error.code, error.message).to.equal(code)
    })
  }

  it('refuses more than 20,000 members over all operations', () => {
    const list = (mark: string) => Array.from({ length: 10_001 }, (_, index) => ({ value: `${mark}${index}` }))
    const error = refusalOf(() => plan(['add', 'members', list('a')], ['remove', 'members', list('b')]))
    expect(error.code).to.equal('too-large')
  })
})
