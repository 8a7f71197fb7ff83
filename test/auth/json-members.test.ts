import { expect } from 'chai'
import fc from 'fast-check'
import { hasDuplicateMembers } from '../../src/auth/json-members.ts'

describe('duplicate members of JSON texts', () => {
  const twice = [
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":1,"c":2}}',
    '[{"a":1},{"b":1,"b":2}]',
    '{ "a" : 1 , "\\u0061" : 2 }',
    '{"a":{"a":1},"a":2}',
    '{"a\\"":1,"a\\"":2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":"}","a":1}',
    '{"a"\n\t\r :1,"a":1}',
  ]
  for (const text of twice) {
    it(`are found in ${text} (RFC 7519 §4)`, () => {
      JSON.parse(text)
      expect(hasDuplicateMembers(text)).to.equal(true)
    })
  }

  const once = ['{}', '[]', '"a"', '{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]', '{"a":"a","b":"a"}', '{"a":["a","a"]}']
  for (const text of [...once, '{"a":"x\\\\","b":1}', '{"a":"\\",\\"a\\":1"}']) {
    it(`are not seen in ${text}`, () => {
      JSON.parse(text)
      expect(hasDuplicateMembers(text)).to.equal(false)
    })
  }

  it('are never seen in what JSON.stringify writes, and always once a member is repeated', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(hasDuplicateMembers(text)).to.equal(false)
        const [name] = Object.keys(JSON.parse(text) as object)
        expect(hasDuplicateMembers(`${text.slice(0, -1)},${JSON.stringify(name)}:1}`)).to.equal(true)
      }),
    )
  })
})
