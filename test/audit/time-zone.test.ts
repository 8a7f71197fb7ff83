import { expect } from 'chai'
import fc from 'fast-check'
import { type AskedAt, instantOf, rangeOf } from '../../src/audit/report-time.ts'
import { timeZone } from '../../src/audit/time-zone.ts'
import { DomainError } from '../../src/domain/errors.ts'

const at = (text: string): number => Date.parse(text)

function sentence(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof DomainError && error.code === 'invalid-value') return error.message
    throw error
  }
  return ''
}

describe('times of reports are stored in UTC and shown with an offset (C10)', () => {
  it('on both sides of summer time, east and west, by half hours and across midnight', () => {
    const cases = [
      ['UTC', '2026-03-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
      ['Europe/Berlin', '2026-03-29T00:59:59.999Z', '2026-03-29T01:59:59.999+01:00'],
      ['Europe/Berlin', '2026-03-29T01:00:00.000Z', '2026-03-29T03:00:00.000+02:00'],
      ['America/New_York', '2026-01-01T02:00:00.000Z', '2025-12-31T21:00:00.000-05:00'],
      ['Asia/Kathmandu', '2026-01-01T00:00:00.000Z', '2026-01-01T05:45:00.000+05:45'],
      ['Asia/Kolkata', '2026-01-01T20:00:00.000Z', '2026-01-02T01:30:00.000+05:30'],
    ] as const
    for (const [zone, instant, shown] of cases) {
      expect(timeZone(zone).text(at(instant)), zone).to.equal(shown)
      expect(at(timeZone(zone).text(at(instant)))).to.equal(at(instant))
    }
  })

  it('and the shown text always is the instant that was stored', () => {
    const zones = ['UTC', 'Europe/London', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Asia/Beirut', 'Pacific/Apia']
    const instant = fc.integer({ min: at('1990-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') })
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, (name, ms) => {
        const zone = timeZone(name)
        expect(at(zone.text(ms))).to.equal(ms)
        const day = zone.dayOf(ms)
        const start = zone.startOf(day)
        expect(start).to.be.at.most(ms)
        expect([zone.dayOf(start), zone.dayOf(start - 1) < day]).to.deep.equal([day, true])
      }),
    )
  })

  it('and a day begins when the clock of the zone says so, where it skips midnight too', () => {
    expect(timeZone('UTC').startOf('2026-03-01')).to.equal(at('2026-03-01T00:00:00Z'))
    expect(timeZone('Europe/Berlin').startOf('2026-03-29')).to.equal(at('2026-03-28T23:00:00Z'))
    expect(timeZone('Europe/Berlin').startOf('2026-03-30')).to.equal(at('2026-03-29T22:00:00Z'))
    // In 2018 summer time began in São Paulo at midnight of 4 November.
    expect(timeZone('America/Sao_Paulo').startOf('2018-11-04')).to.equal(at('2018-11-04T03:00:00Z'))
  })

  it('and a zone that is none is refused by name', () => {
    for (const name of ['', 'Mars/Olympus', '+02:00', 'Europe/Berlin ', '../etc', 'x'.repeat(500)]) {
      expect(sentence(() => timeZone(name))).to.include('tz is no time zone')
    }
  })
})

describe('what a report is asked about', () => {
  const now = at('2026-11-21T12:00:00Z')
  const clock: AskedAt = { zone: timeZone('Europe/Berlin'), now }

  it('is an instant with an offset, or the last moment of a day in the zone, or now', () => {
    expect(instantOf('at', undefined, clock)).to.equal(now)
    expect(instantOf('at', '2026-03-01T09:00:00+01:00', clock)).to.equal(at('2026-03-01T08:00:00Z'))
    expect(instantOf('at', '2026-03-01', clock)).to.equal(at('2026-03-01T23:00:00Z') - 1)
    expect(instantOf('at', '2026-11-21', clock)).to.equal(now)
  })

  it('is refused where it is no date, lies in the future or is turned round', () => {
    for (const text of [
      ...['', 'yesterday', '2026-02-30', '2026-13-01', '2026-02-30T00:00:00Z', '2026-03-01T25:00:00Z', '1'],
      ...['2026-03-01T09:00:00', '2026-3-1', '2026-03-01T09:00:00+1', '+002026-03-01', '2026-03-01T09:00:00Z;'],
    ]) {
      expect(
        sentence(() => instantOf('at', text, clock)),
        text,
      ).to.include('at is no date')
    }
    expect(sentence(() => instantOf('at', '2026-11-22', clock))).to.include('lies in the future')
    expect(sentence(() => instantOf('at', '2026-11-21T12:00:00.001Z', clock))).to.include('lies in the future')
    expect(sentence(() => rangeOf({ from: '2026-03-02', to: '2026-03-01' }, clock))).to.include('from lies after to')
  })

  it('is, as a range, whole days with both ends', () => {
    expect(rangeOf({ from: '2026-03-01', to: '2026-03-01' }, clock)).to.deep.equal({
      from: at('2026-02-28T23:00:00Z'),
      to: at('2026-03-01T23:00:00Z') - 1,
    })
    expect(rangeOf({}, clock)).to.deep.equal({ from: now - 30 * 86_400_000, to: now })
  })
})
