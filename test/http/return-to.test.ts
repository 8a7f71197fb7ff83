import { expect } from 'chai'
import fc from 'fast-check'
import { safeReturnTo } from '../../src/http/return-to.ts'

const EVIL = [
  ...[
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/%09/evil.example',
    '/\t/evil.example',
  ],
  ...['/%2f/evil.example', '/%2Fevil.example', '/%5cevil.example', '/%255cevil.example', 'https:evil.example'],
  ...[
    'https://evil.example',
    'http://scim.example@evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    '',
    ' /x',
  ],
  ...[
    '/..//evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    '/a\r\nLocation: https://evil.example',
    '/%0d%0aX: y',
  ],
  ...['evil.example', '@evil.example', '/ü', '/%', '/%c0%ae', `/${'x'.repeat(3_000)}`],
]

describe('S35 where a browser goes after signing in', () => {
  for (const given of EVIL) {
    it(`is the start page for ${JSON.stringify(given.slice(0, 60))}`, () => {
      expect(safeReturnTo(given)).to.equal('/')
    })
  }

  it('is the page asked for where that is ours', () => {
    for (const own of ['/', '/account', '/teams/a%20b?x=1&y=%2Fteams#top', '/invite/abc-_'])
      expect(safeReturnTo(own)).to.equal(own)
  })

  it('is the start page for what is no text', () => {
    for (const given of [undefined, null, 1, ['/account'], {}]) expect(safeReturnTo(given)).to.equal('/')
  })

  it('is on this host whatever was asked for, as browsers read addresses', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `/${text}`),
        ),
        (given) => {
          const to = safeReturnTo(given)
          expect(new URL(to, 'https://scim.example/signin').origin).to.equal('https://scim.example')
          expect(to.startsWith('/')).to.equal(true)
        },
      ),
      { numRuns: 300 },
    )
  })
})
