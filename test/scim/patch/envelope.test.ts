import { expect } from 'chai'
import { PATCH_OP_URN, readPatchOp } from '../../../src/scim/patch/envelope.ts'
import { refusalOf } from '../schema/refusal.ts'

const schemas = [PATCH_OP_URN]
const one = { op: 'replace', path: 'title', value: 'T' } as const

describe('reading a PATCH', () => {
  const accepted: readonly [string, object][] = [
    ['as RFC 7644 §3.5.2 writes it', { schemas, Operations: [one] }],
    ['without schemas', { Operations: [one] }],
    ['with a further schema', { schemas: ['urn:example', PATCH_OP_URN.toUpperCase()], Operations: [one] }],
    ['with lower-case operations (older Entra ID)', { schemas, operations: [one] }],
    ['with op in any case (Entra ID)', { schemas, Operations: [{ ...one, op: 'Replace' }] }],
    ['with keys in any case', { schemas, Operations: [{ Op: 'REPLACE', Path: 'title', Value: 'T' }] }],
    ['with blanks round the path', { schemas, Operations: [{ ...one, path: ' title ' }] }],
  ]
  for (const [title, body] of accepted) {
    it(`takes one ${title}`, () => {
      expect(readPatchOp(body)).to.deep.equal([one])
    })
  }

  it('takes no operations as no change (Microsoft’s validator sends it)', () => {
    expect(readPatchOp({ schemas, Operations: [] })).to.deep.equal([])
  })

  it('tells a missing value from null, and takes an empty path as none', () => {
    const read = readPatchOp({
      Operations: [
        { op: 'remove', path: 'a' },
        { op: 'add', path: '', value: null },
      ],
    })
    expect(read).to.deep.equal([
      { op: 'remove', path: 'a', value: undefined },
      { op: 'add', path: undefined, value: null },
    ])
  })

  const refused: readonly [string, unknown, string][] = [
    ['no object', [], 'invalid-syntax'],
    ['null', null, 'invalid-syntax'],
    ['no Operations (RFC 7644 §3.5.2)', { schemas }, 'invalid-syntax'],
    ['Operations that are one object', { schemas, Operations: one }, 'invalid-syntax'],
    ['Operations that are null', { schemas, Operations: null }, 'invalid-syntax'],
    [
      'the schema of a user',
      { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], Operations: [] },
      'invalid-syntax',
    ],
    ['an unknown op', { schemas, Operations: [{ ...one, op: 'move' }] }, 'invalid-syntax'],
    ['an op that is inherited', { schemas, Operations: [{ ...one, op: 'constructor' }] }, 'invalid-syntax'],
    ['a missing op', { schemas, Operations: [{ path: 'title' }] }, 'invalid-syntax'],
    ['an operation that is text', { schemas, Operations: ['x'] }, 'invalid-syntax'],
    ['a path that is a list', { schemas, Operations: [{ ...one, path: ['title'] }] }, 'invalid-path'],
    ['U+0000 in a value', { schemas, Operations: [{ ...one, value: 'a\0' }] }, 'invalid-value'],
    ['more than 1,000 operations', { schemas, Operations: Array.from({ length: 1001 }, () => one) }, 'too-large'],
  ]
  for (const [title, body, code] of refused) {
    it(`refuses ${title}`, () => {
      expect(refusalOf(() => readPatchOp(body)).code).to.equal(code)
    })
  }
})
