import { expect } from 'chai'
import { refusalOf } from '../schema/refusal.ts'
import { home, plan, userWith } from './user-patches.ts'
import type { Operation } from './user-patches.ts'

describe('refusing a PATCH of a user', () => {
  const refused: readonly [string, readonly Operation[], string][] = [
    ['an unknown attribute in a path (RFC 7644 §3.12)', [['add', 'wingspan', 'x']], 'invalid-path'],
    ['an unknown sub-attribute in a path', [['add', 'name.spirit', 'x']], 'invalid-path'],
    ['an attribute of an unknown extension', [['add', 'urn:example:2.0:User:x', 'x']], 'invalid-path'],
    ['a filter on a single value', [['replace', 'name[givenName eq "G"].familyName', 'x']], 'invalid-path'],
    ['__proto__.polluted in a path', [['add', '__proto__.polluted', 'x']], 'invalid-path'],
    ['constructor.prototype.polluted in a path', [['add', 'constructor.prototype.polluted', 'x']], 'invalid-path'],
    ['hasOwnProperty in a path', [['add', 'hasOwnProperty', 'x']], 'invalid-path'],
    [
      'an unmatched filter that describes no value (RFC 7644 §3.5.2.3)',
      [['replace', 'emails[value ew "zzz.example"].display', 'x']],
      'no-target',
    ],
    ['an unmatched filter with or', [['add', 'emails[type eq "a" or type eq "b"].value', 'x']], 'no-target'],
    ['remove without a path (RFC 7644 §3.5.2.2)', [['remove', undefined]], 'no-target'],
    ['groups, which are readOnly (RFC 7643 §4.1.2)', [['add', 'groups', [{ value: 'g' }]]], 'mutability'],
    ['id', [['replace', 'id', 'mine']], 'mutability'],
    ['meta', [['remove', 'meta']], 'mutability'],
    ['meta.created', [['replace', 'meta.created', '2026-01-01T00:00:00Z']], 'mutability'],
    ['removing userName (RFC 7644 §3.5.2.2)', [['remove', 'userName']], 'mutability'],
    ['clearing userName', [['replace', 'userName', '']], 'invalid-value'],
    ['a blank userName', [['replace', 'userName', '  ']], 'invalid-value'],
    ['clearing userName without a path', [['replace', undefined, { userName: null }]], 'invalid-value'],
    ['removing active', [['remove', 'active']], 'invalid-value'],
    ['clearing active', [['replace', 'active', null]], 'invalid-value'],
    ['active that is a word', [['replace', 'active', 'no']], 'invalid-value'],
    ['replace without a value', [['replace', 'title']], 'invalid-value'],
    ['add without a value', [['add', 'title']], 'invalid-value'],
    ['a path-less replace without a value', [['replace', undefined]], 'invalid-value'],
    ['a path-less replace of a list', [['replace', undefined, [{ title: 'T' }]]], 'invalid-value'],
    ['a title that is a number', [['replace', 'title', 7]], 'invalid-value'],
    ['an externalId that is a number', [['replace', 'externalId', 7]], 'invalid-value'],
    ['a name that is text', [['replace', 'name', 'Ann']], 'invalid-value'],
    ['an e-mail value that is an object', [['add', 'emails[type eq "x"].value', { a: 1 }]], 'invalid-value'],
    ['U+0000 that a filter would create', [['add', 'emails[type eq "a\\u0000b"].value', 'x']], 'invalid-path'],
    [
      'too many values in all',
      [
        ['add', 'emails', Array.from({ length: 600 }, (_, i) => `a${i}`)],
        ['add', 'emails', Array.from({ length: 600 }, (_, i) => `b${i}`)],
      ],
      'invalid-value',
    ],
  ]
  for (const [title, operations, code] of refused) {
    it(`refuses ${title}, whole`, () => {
      const current = userWith({ title: 'T', emails: [home] })
      const copy = structuredClone(current)
      const error = refusalOf(() => plan(['replace', 'title', 'U'], ...operations)(current))
      expect(error.code, error.message).to.equal(code)
      expect(current).to.deep.equal(copy)
    })
  }

  it('refuses more than 1,000 values in all', () => {
    const emails = Array.from({ length: 995 }, (_, index) => ({ value: `${index}@x.org` }))
    const more = Array.from({ length: 10 }, (_, index) => `n${index}@x.org`)
    const error = refusalOf(() => plan(['add', 'emails', more])(userWith({ emails })))
    expect(error.message).to.equal('emails has more than 1000 values.')
  })

  it('bounds the work of operations that search many values', () => {
    const emails = Array.from({ length: 1000 }, (_, index) => ({ value: `${index}@x.org`, type: 'work' }))
    const operations = Array.from(
      { length: 1000 },
      () => ['replace', 'emails[value eq "0@x.org"].display', 'd'] as const,
    )
    expect(refusalOf(() => plan(...operations)(userWith({ emails }))).code).to.equal('too-large')
  })

  it('never repeats a personal value in its sentence', () => {
    const secret = 'bob-secret'
    const all: readonly (readonly Operation[])[] = [
      [['replace', `emails[value ew "${secret}"].display`, 'x']],
      [['replace', 'active', secret]],
      [['replace', 'name', secret]],
      [['replace', 'x509Certificates', [{ value: `${secret}!` }]]],
    ]
    for (const operations of all) {
      const error = refusalOf(() => plan(...operations)(userWith({})))
      expect(error.message + JSON.stringify(error.params ?? {})).to.not.include(secret)
    }
  })
})
