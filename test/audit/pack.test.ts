import { execFileSync, spawnSync } from 'node:child_process'
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import { parse } from 'csv-parse/sync'
import { cefLine } from '../../src/audit/record-cef.ts'
import { exportLog, type ExportForm } from '../../src/audit/export-log.ts'
import { publicKeyPem } from '../../src/audit/log-key.ts'
import type { LogQuery } from '../../src/audit/log-query.ts'
import { createValueOpener, type ValueOpener } from '../../src/audit/opened-values.ts'
import { createPack } from '../../src/audit/pack.ts'
import { VERIFY_PY } from '../../src/audit/pack-texts.ts'
import { verifyPack } from '../../src/audit/verify-pack.ts'
import type { User } from '../../src/domain/user.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { checkpointParts, freshLogKey, signAll } from '../support/log-store.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'

const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0

forEachDialect('evidence packs and exports', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let values: ValueOpener
  let folder: string
  let first: User
  let last: User
  const key = freshLogKey()

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-pack-'))
    test = await openTestStore(dialect)
    values = createValueOpener(test.kek, test.store.reads.records)
    tenant = await foundTenant(test, '=acme')
    first = await tenant.user('ada', { attributes: { displayName: '=HYPERLINK("http://evil.example")' } })
    for (const name of ['bea', 'cay']) await tenant.user(name)
    await signAll(test, key)
    for (const name of ['dan', 'eve', 'fay']) await tenant.user(name)
    await signAll(test, key)
    last = await tenant.user('gus')
  })
  after(async () => {
    await test.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function pack(name: string, query: LogQuery, personal = true): Promise<string> {
    const file = join(folder, `${name}.zip`)
    const request = { orgId: tenant.orgId, orgName: '=acme', query, values: personal ? values : undefined, by: 'test' }
    await pipeline(await createPack(checkpointParts(test, key), request), createWriteStream(file))
    return file
  }

  async function exported(form: ExportForm, query: LogQuery = {}, personal = true): Promise<string> {
    let text = ''
    const request = { orgId: tenant.orgId, form, query, values: personal ? values : undefined, bom: false }
    for await (const piece of exportLog(test.store.reads.records, request)) text += piece
    return text
  }

  /** A pack with other bytes in one of its files, as somebody with an archiver makes it. */
  function altered(file: string, name: string, change: (text: string) => string): string {
    const place = mkdtempSync(join(folder, 'altered-'))
    const copy = join(place, 'altered.zip')
    writeFileSync(copy, readFileSync(file))
    execFileSync('unzip', ['-q', copy, name, '-d', place])
    writeFileSync(join(place, name), change(readFileSync(join(place, name), 'utf8')))
    execFileSync('python3', [
      '-c',
      `import sys, zipfile
a = zipfile.ZipFile(sys.argv[1]); b = zipfile.ZipFile(sys.argv[2], 'w')
[b.writestr(n, open(sys.argv[3] + '/' + n).read() if n == sys.argv[4] else a.read(n)) for n in a.namelist()]`,
      ...[copy, `${copy}.new`, place, name],
    ])
    return `${copy}.new`
  }

  it('verifies a full pack with nothing but itself, and its signer where the key is known (C04)', async () => {
    const file = await pack('full', {})
    expect(await verifyPack(file, [])).to.deep.include({
      kind: 'full',
      records: 9,
      stubs: 0,
      intact: true,
      proven: undefined,
    })
    expect(await verifyPack(file, [key.keyId])).to.deep.include({ intact: true, proven: true })
    const stranger = await verifyPack(file, [freshLogKey().keyId])
    expect(stranger).to.deep.include({ intact: false, finding: { seq: 9, kind: 'untrusted key', key: key.keyId } })
  })

  it('keeps only the stretches with what was asked for in a filtered pack, others as stubs', async () => {
    const file = await pack('filtered', { about: last.id })
    const report = await verifyPack(file, [key.keyId])
    expect(report).to.deep.include({ kind: 'filtered', records: 1, intact: true, proven: true })
    expect(report.stubs).to.equal(1)
    const both = await verifyPack(await pack('both', { action: 'connection' }), [key.keyId])
    expect(both).to.deep.include({ records: 1, stubs: 4, intact: true })
  })

  it('cuts a time range out of the chain, and a full pack of it misses nothing', async () => {
    const [, , third] = await test.store.reads.records.page(tenant.orgId, 0, 9, 9)
    const report = await verifyPack(await pack('range', { from: third!.time, to: Date.now() + 60_000 }), [key.keyId])
    expect(report).to.deep.include({ kind: 'full', intact: true })
    expect(report.records).to.be.greaterThan(5)
  })

  it('is verified by thirty lines of an outside reader, who notices a changed byte (C04)', async function () {
    if (!HAS_PYTHON) throw new Error('python3 is needed for this test')
    this.timeout(60_000)
    expect(VERIFY_PY.split('\n').length).to.be.at.most(40)
    const script = join(folder, 'reader.py')
    const pem = join(folder, 'key.pem')
    writeFileSync(script, VERIFY_PY)
    writeFileSync(pem, publicKeyPem(key.publicKey))
    const read = (file: string) => spawnSync('python3', [script, file, pem], { encoding: 'utf8' })
    for (const [name, query] of [
      ['py-full', {}],
      ['py-filtered', { about: last.id }],
    ] as const) {
      const { status, stdout, stderr } = read(await pack(name, query))
      expect([status, stderr]).to.deep.equal([0, ''])
      expect(stdout).to.match(/^\d+ records and stubs fit, kind (full|filtered)\n$/)
    }
    const bent = altered(await pack('bent', {}), 'records.ndjson', (text) => text.replace('user.create', 'user.delete'))
    expect(read(bent).stderr).to.contain('records.ndjson is not the file that the manifest names')
    writeFileSync(pem, publicKeyPem(freshLogKey().publicKey))
    expect(read(await pack('other-key', {})).status).to.not.equal(0)
  })

  it('names what is wrong with a changed pack', async () => {
    const file = await pack('changing', {})
    const found = async (name: string, change: (text: string) => string) =>
      (await verifyPack(altered(file, name, change), [key.keyId])).finding
    expect(await found('records.ndjson', (text) => text.replace('user.create', 'user.delete'))).to.deep.equal({
      kind: 'file differs',
      file: 'records.ndjson',
    })
    expect(await found('manifest.json', (text) => text.replace('"UTC"', '"CET"'))).to.deep.equal({
      kind: 'manifest not signed',
      file: 'manifest.json',
    })
    expect(await found('checkpoints.ndjson', (text) => text.replace('\\"seq\\":5', '\\"seq\\":4'))).to.deep.include({
      file: 'checkpoints.ndjson',
    })
  })

  for (const [what, bytes] of [
    ['is no ZIP', Buffer.from('no zip at all')],
    ['is empty', Buffer.alloc(0)],
    ['is a ZIP cut short', undefined],
  ] as const) {
    it(`says in a sentence that a file ${what}`, async () => {
      const file = join(folder, 'bad.zip')
      writeFileSync(file, bytes ?? readFileSync(await pack('whole', {})).subarray(0, -40))
      const message = await verifyPack(file, []).catch((error: unknown) => String(error))
      expect(message).to.match(/^DomainError: The pack \S+ cannot be used: it is no ZIP, or not a whole one$/)
    })
  }

  it('discloses personal values that match their commitments, and none where that is not wanted', async () => {
    const open = await exported('ndjson', { about: first.id })
    // As a whole value: the three letters alone also come up in hexadecimal hashes.
    const value = /"ada\\?"/
    expect(open).to.contain('"pii":[[').and.to.match(value)
    const closed = await exported('ndjson', {}, false)
    expect(closed).to.not.contain('"pii"').and.to.not.match(value)
    const lines = closed.trimEnd().split('\n')
    expect(lines).to.have.length((await test.store.reads.records.head(tenant.orgId))!.seq)
    const report = await verifyPack(await pack('closed', {}, false), [])
    expect(report.intact).to.equal(true)
  })

  it('writes CSV with a row a change, in which no cell is a formula (S33)', async () => {
    const rows = parse<Record<string, string>>(await exported('csv'), { columns: true })
    expect(rows.filter(({ what }) => what === 'userName').map((row) => row['new'])).to.include.members(['ada', 'gus'])
    for (const row of rows) for (const cell of Object.values(row)) expect(cell).to.not.match(/^[=+\-@＝＋－＠\t\r]/u)
    expect(rows.map((row) => row['new']).filter((cell) => cell?.includes('HYPERLINK'))).to.deep.equal([
      `'=HYPERLINK("http://evil.example")`,
    ])
    expect(new Set(rows.map(({ seq }) => seq)).size).to.equal((await test.store.reads.records.head(tenant.orgId))!.seq)
  })

  it('writes OCSF events with the class and activity of each action (C05)', async () => {
    const events = (await exported('ocsf'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const created = events.filter(({ message }) => message === 'user.create: success')
    expect(created).to.have.length(7)
    expect(created[0]).to.include({ class_uid: 3001, activity_id: 1, type_uid: 300101, category_uid: 3, status_id: 1 })
    expect(created[0]!['user']).to.include({ uid: first.id, name: 'ada' })
    expect(events.find(({ message }) => message === 'org.create: success')).to.include({
      class_uid: 3004,
      type_uid: 300401,
    })
    for (const event of events) expect(event).to.include.keys('time', 'severity_id', 'metadata', 'actor', 'type_uid')
  })

  it('writes CEF in which no value begins a field or a line (S34)', async () => {
    const evil = await tenant.user('x|y=z\\ act=user.delete')
    const lines = (await exported('cef', { about: evil.id })).split('\n')
    expect(lines).to.have.length(2)
    expect(lines[0]).to.match(/^CEF:0\|Rollcall\|Rollcall\|1\|user\.create\|user\.create\|3\|rt=\d+ /)
    expect(lines[0]).to.contain('duser=x|y\\=z\\\\ act\\=user.delete ')
    expect(lines[0]!.split(/(?<!\\)=/)).to.have.length(1 + lines[0]!.match(/(?:^|[ |])\w+(?<!\\)=/g)!.length)
    const bare = {
      ...(await test.store.reads.records.tail(tenant.orgId, 1))[0]!,
      action: 'a|b\nCEF:0',
      requestId: 'r\r\n=1',
    }
    expect(cefLine(bare).trimEnd().split('\n')).to.have.length(1)
    expect(cefLine(bare)).to.contain('|a\\|b CEF:0|').and.to.contain('cs2=r\\r\\n\\=1 ')
  })

  it('refuses a range turned round', async () => {
    const message = await exported('csv', { from: 2, to: 1 }).catch((error: unknown) => String(error))
    expect(message).to.contain('The time range ends before it begins')
  })
})
