import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { askRollcall, runRollcall, type ShownRecord } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

forEachDialect('rollcall log purge', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-purge-cli-'))
  const file = (name: string): string => join(folder, name)

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
    for (const name of ['one', 'two']) await askRollcall(['connection', 'create', '--name', name], env)
  })
  after(async () => {
    await gateway.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const refused = async (args: readonly string[]): Promise<string> => {
    const { status, stderr } = await runRollcall(['log', 'purge', ...args], env)
    expect(status).to.equal(1)
    return stderr
  }
  const records = async (): Promise<readonly ShownRecord[]> => {
    const { stdout } = await runRollcall(['log', 'tail', '--json'], env)
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ShownRecord)
  }

  it('packs, verifies and signs before anything goes, and leaves a log that verifies (src/cli/log-purge-command.ts)', async () => {
    expect((await runRollcall(['log', 'purge', '--resume'], env)).stdout).to.equal('No purge was cut off\n')
    await askRollcall(['log', 'pack', file('signs.zip')], env)
    const upTo = (await records()).at(-1)!.seq
    const hold = await askRollcall<{ id: string }>(['privacy', 'hold', 'place', '--reason', 'a case'], env)
    const at = ['--checkpoint', String(upTo)]
    const preview = ['log', 'purge', '--preview', ...at]
    expect(await refused([file('held.zip'), ...at])).to.include(`The legal hold ${hold.id} stands`)
    expect(existsSync(file('held.zip')), 'of what is not purged no copy is left').to.equal(false)
    const inTheWay = await runRollcall(preview, env)
    expect(inTheWay.stdout).to.include(`Nothing would be purged: The legal hold ${hold.id} stands`)
    await askRollcall(['privacy', 'hold', 'release', hold.id], env)
    const before = (await records()).at(-1)!.seq
    expect(await askRollcall(preview, env)).to.deep.equal({ upTo, records: upTo - 1, refused: null })
    expect((await records()).at(-1)!.seq, 'nothing was done').to.equal(before)
    writeFileSync(file('taken.zip'), 'x')
    for (const [name, why] of [
      ['taken.zip', 'it is there already'],
      ['', 'it is there already'],
      ['no/kept.zip', 'its folder is not there'],
      ['taken.zip/kept.zip', 'its folder is a file'],
    ] as const) {
      expect(await refused([file(name), ...at])).to.include(`cannot be written: ${why}`)
    }
    const done = await askRollcall<{ upTo: number; record: number }>(
      ['log', 'purge', file('kept.zip'), '--checkpoint', String(upTo)],
      env,
    )
    expect(done.upTo).to.equal(upTo)
    const kept = await records()
    expect(kept[0]!.seq).to.equal(upTo)
    const said = kept.find(({ seq }) => seq === done.record)!.record as unknown as {
      action: string
      outcome: { params: object }
    }
    const pack = createHash('sha256')
      .update(readFileSync(file('kept.zip')))
      .digest('hex')
    expect(said.action).to.equal('log.purge')
    expect(said.outcome.params).to.include({ after: 0, upTo, count: upTo - 1, pack })
    const { stdout } = await runRollcall(['log', 'verify', '--org', 'default', '--replay'], env)
    expect(stdout).to.match(
      new RegExp(`^default: intact, \\d+ records after record ${upTo}, up to which it was purged; .*agree`),
    )
    expect((await runRollcall(['log', 'verify', '--pack', file('kept.zip')], env)).stdout).to.match(
      /^intact, \d+ records and 0/,
    )
  })

  it('asks for a pack and for one place, which a checkpoint signed', async () => {
    expect(await refused(['--checkpoint', '3'])).to.include('Name the evidence pack to make')
    expect(await refused([file('a.zip')])).to.include('Give either --before or --checkpoint')
    expect(await refused([file('a.zip'), '--checkpoint', '999'])).to.include('There is no checkpoint at record 999')
    expect(await refused([file('a.zip'), '--before', '2020-01-01'])).to.include(
      'There is no checkpoint before that time',
    )
  })

  it('says in `doctor` that an org keeps records for some days only, and that there is nowhere to put them', async () => {
    const found = async (more: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const reported = await askRollcall<{ code: string; message: string }[]>(['doctor'], { ...env, ...more })
      return reported.filter(({ code }) => code === 'log.not-purged').map(({ message }) => message)
    }
    expect(await found({})).to.deep.equal([])
    await askRollcall(['settings', 'set', 'log.keepDays=365'], env)
    const [message = ''] = await found({})
    expect(message).to.include('Records older than 365 days').and.to.include('ROLLCALL_PACK_DIR')
    expect(await found({ ROLLCALL_PACK_DIR: folder })).to.deep.equal([])
    await askRollcall(['settings', 'set', 'log.keepDays=null'], env)
    expect(await found({})).to.deep.equal([])
  })
})
