import { expect } from 'chai'
import { valueAt } from '../../conformance/path.ts'

const USER = {
  name: { givenName: 'G' },
  emails: [
    { value: 'a@example.com', type: 'work', primary: true },
    { value: 'b@example.com', type: 'home' },
  ],
  'urn:example:2.0:User': { manager: { value: 'm' } },
}

describe('conformance: paths into an answer', () => {
  it('reads keys, positions and the document itself', () => {
    expect(valueAt(USER, 'name.givenName')).to.equal('G')
    expect(valueAt(USER, 'emails.1.value')).to.equal('b@example.com')
    expect(valueAt(USER, '')).to.equal(USER)
  })

  it('collects every element, flat over two levels, and an empty list where there is none', () => {
    expect(valueAt(USER, 'emails.*.type')).to.deep.equal(['work', 'home'])
    expect(valueAt({ a: [{ b: [{ c: 1 }, { c: 2 }] }, { b: [{ c: 3 }] }] }, 'a.*.b.*.c')).to.deep.equal([1, 2, 3])
    expect(valueAt(USER, 'members.*.value')).to.deep.equal([])
  })

  it('selects elements by a field and counts them', () => {
    expect(valueAt(USER, 'emails[type=home].value')).to.equal('b@example.com')
    expect(valueAt(USER, 'emails[primary=true].#')).to.equal(1)
    expect(valueAt(USER, 'emails[type=other].value')).to.equal(undefined)
    expect(valueAt(USER, 'emails[type=work]')).to.deep.equal([USER.emails[0]])
    expect(valueAt(USER, 'emails.length')).to.equal(2)
    expect(valueAt(USER, 'absent.length')).to.equal(0)
  })

  it('parts a path at | when it starts with a URN, since URNs hold dots', () => {
    expect(valueAt(USER, 'urn:example:2.0:User|manager|value')).to.equal('m')
    expect(
      valueAt({ types: [{ schema: 'urn:a:2.0:b', required: false }] }, 'types[schema=urn:a:2.0:b].required'),
    ).to.equal(false)
  })

  it('sees own properties only, so an inherited name is absent', () => {
    expect(valueAt({}, 'constructor')).to.equal(undefined)
    expect(valueAt({}, '__proto__.polluted')).to.equal(undefined)
  })
})
