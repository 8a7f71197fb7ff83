import { expect } from 'chai'
import { passwordProblem } from '../../src/domain/password.ts'

const EASY = [
  ...['password1234', 'Password12345!', 'passwordpassword', 'P@ssw0rd2024!', 'qwertyuiop123', '123456789012'],
  ...[
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    'iloveyou1234',
    'welcome2024!!',
    'letmein123456',
    'AdminAdmin123',
    'qazwsxqazwsx',
  ],
  ...['1q2w3e4r5t6y', 'zxcvbnm12345', 'Summer2024!!', 'abcdefghijkl', 'zyxwvutsrqpo', 'dragonmonkey1', '000000000000'],
  ...[
    'rollcall1234',
    'changeme1234',
    'superman1234',
    'football2023',
    '98765432109876',
    'sunshine12345',
    'passw0rdpassw0rd',
  ],
]

describe('a password that may be chosen', () => {
  it('has at least twelve characters, counted as people count them, and at most 256', () => {
    expect(passwordProblem('ruddy-otter', [])).to.include('at least 12')
    expect(passwordProblem('🦦🦔🦉🦡🐌', [])).to.include('at least 12')
    expect(passwordProblem('x'.repeat(257), [])).to.include('at most 256')
    expect(passwordProblem('ruddy-otter\0climbs', [])).to.include('control')
  })

  for (const easy of EASY) {
    it(`is not ${easy}: common, or a run, or one thing again and again`, () => {
      expect(passwordProblem(easy, [])).to.include('too easy to guess')
    })
  }

  it('is not the person’s own name with something round it', () => {
    const own = ['katarina.blomqvist@fjordtech.example', 'Katarina Blomqvist']
    for (const text of ['katarina123!', 'Blomqvist2024', 'fjordtech2024!', 'KatarinaBlomqvist'])
      expect(passwordProblem(text, own), text).to.include('too easy to guess')
  })

  it('is any other: phrases, other alphabets, what a password manager makes', () => {
    const good = [
      'ruddy otter climbs nine hills',
      'T7#kq9!vLx2@',
      'синий-чайник-поёт',
      'kJ8sd92nsLq0',
      'fjell og vann 77 ganger',
    ]
    for (const text of good) expect(passwordProblem(text, ['ann@example.com']), text).to.equal(undefined)
  })
})
