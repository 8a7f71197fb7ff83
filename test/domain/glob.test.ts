import { expect } from 'chai'
import fc from 'fast-check'
import { globMatches } from '../../src/domain/glob.ts'

/** The same by a regular expression, for patterns short enough that it ends. */
function slowly(pattern: string, text: string): boolean {
  const parts = pattern.replace(/\\?[^]/gu, (part) => {
    if (part === '*') return '[^]*'
    if (part === '?') return '[^]'
    return (part.length > 1 && part.startsWith('\\') ? part.slice(1) : part).replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&')
  })
  return new RegExp(`^${parts}$`, 'u').test(text)
}

describe('a pattern of names', () => {
  it('covers a whole name: * is any text, ? one character, and \\ takes what follows as it is', () => {
    const matches: readonly (readonly [string, string, boolean])[] = [
      ['eng-*', 'eng-', true],
      ['eng-*', 'my eng-team', false],
      ['*-admins', 'eu-admins', true],
      ['a*b*c', 'a-b-b-c', true],
      ['a*b*c', 'a-c-b', false],
      ['team-?', 'team-é', true],
      ['team-?', 'team-', false],
      ['team-?', 'team-😀', true],
      ['a\\*', 'a*', true],
      ['a\\*', 'ab', false],
      ['*', '', true],
    ]
    for (const [pattern, text, expected] of matches)
      expect(globMatches(pattern, text), `${pattern} ${text}`).to.equal(expected)
  })

  it('says the same as a regular expression would', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\', '.'), maxLength: 8 })
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '\\', '.'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (given, name) => {
        expect(globMatches(given, name)).to.equal(slowly(given, name))
      }),
      { numRuns: 5_000 },
    )
  })

  it('that a backtracking search would never finish with ends at once', () => {
    expect(globMatches('*a'.repeat(120), `${'a'.repeat(250)}b`)).to.equal(false)
  })
})
