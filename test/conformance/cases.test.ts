import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadCases, PROFILES } from '../../conformance/case.ts'
import { Seen } from '../../conformance/fill-in.ts'
import { LIBRARY_FAULTS } from './library-faults.ts'

describe('conformance: the case files', () => {
  it('hold at least 250 cases with a source each, and some of every profile', () => {
    const cases = loadCases()
    expect(cases.length).to.be.at.least(250)
    for (const profile of PROFILES) {
      expect(cases.filter((item) => item.profiles.includes(profile)).length, profile).to.be.at.least(15)
    }
    for (const item of cases) {
      expect(item.source, item.id).to.match(
        /^(?:RFC \d{4} §\d|(?:Okta|JumpCloud|Ping|W&B), "|Entra ID, |JumpCloud, a third party|authentik, source|Robustness)/u,
      )
    }
  })

  it('hold a case for every fault of scimmy 1.3.5 and scimmy-routers 1.3.2 that a client would meet', () => {
    const ids = new Set(loadCases().map(({ id }) => id))
    const cases = Object.entries(LIBRARY_FAULTS).flatMap(([fault, held]) => held.map((id) => ({ fault, id })))
    expect(cases.filter(({ id }) => !ids.has(id))).to.deep.equal([])
  })

  it('name only fill-ins that an earlier step of the case has saved', () => {
    for (const item of loadCases()) {
      const seen = new Seen('r')
      for (const step of item.steps) {
        const names = [...JSON.stringify({ ...step, save: '' }).matchAll(/\{\{([^}]+)\}\}/gu)].map(
          ([, name = '']) => name,
        )
        const early = names.filter((name) => !(step.save !== undefined && name.endsWith(`:${step.save}`)))
        for (const name of early.filter((each) => each !== 'etag')) {
          expect(() => seen.lookUp(name), `${item.id}: {{${name}}}`).not.to.throw()
        }
        if (step.bodyOf !== undefined) expect(() => seen.answer(step.bodyOf ?? '')).not.to.throw()
        if (step.save !== undefined)
          seen.save(step.save, { id: 'x', nextCursor: 'c', meta: { version: 'v', lastModified: 't' } })
      }
    }
  })

  describe('that are wrong', () => {
    let folder: string
    const load = (file: object): unknown => {
      writeFileSync(join(folder, 'a.json'), JSON.stringify({ order: 1, section: 's', profiles: ['rfc'], ...file }))
      return loadCases(folder)
    }
    const step = { method: 'GET', path: '/Users', expect: { status: 200 } }
    const item = { id: 'a', source: 'RFC 7644 §1', title: 't', steps: [step] }

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'cases-'))
    })
    afterEach(() => {
      rmSync(folder, { recursive: true })
    })

    it('are refused for an unknown key anywhere, so that no expectation is passed over', () => {
      expect(() => load({ cases: [{ ...item, steps: [{ ...step, expects: {} }] }] })).to.throw(
        'a: unknown key "expects"',
      )
      expect(() => load({ cases: [{ ...item, steps: [{ ...step, expect: { stat: 1 } }] }] })).to.throw('"stat"')
      expect(() => load({ cases: [{ ...item, need: [] }] })).to.throw('unknown key "need"')
      expect(() => load({ cases: [], extra: 1 })).to.throw('unknown key "extra"')
    })

    it('are refused for an unknown capability, an unknown fixture, a repeated id and no step', () => {
      expect(() => load({ cases: [{ ...item, needs: ['magic'] }] })).to.throw('unknown value "magic"')
      expect(() => load({ cases: [{ ...item, given: ['nothing'] }] })).to.throw('no fixture "nothing"')
      expect(() => load({ cases: [item, item] })).to.throw('the case id a is used twice')
      expect(() => load({ cases: [{ ...item, steps: [] }] })).to.throw('a case needs a step')
    })

    it('repeat a step with {{n}} counting from 0', () => {
      const cases = load({ cases: [{ ...item, steps: [{ ...step, path: '/Users/{{n}}-{{rand}}', times: 2 }] }] })
      expect(cases).to.have.nested.property('[0].steps[0].path', '/Users/0-{{rand}}')
      expect(cases).to.have.nested.property('[0].steps[1].path', '/Users/1-{{rand}}')
    })
  })
})
