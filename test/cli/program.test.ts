import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { CommanderError } from 'commander'
import type { CommandPorts } from '../../src/cli/ports.ts'
import { createProgram } from '../../src/cli/program.ts'
import { packageRoot } from '../../src/config.ts'
import { type CommandResult, runProgram, runRollcallProcess } from '../support/cli.ts'

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }

describe('rollcall', () => {
  it('is what npx finds in a built clone', async () => {
    const link = join(packageRoot(), 'node_modules', '.bin', 'rollcall')
    const shown = await runProgram(link, ['--version'], {})
    expect(shown).to.deep.equal({ status: 0, stdout: `${version}\n`, stderr: '' })
    const help = await runProgram(link, ['--help'], {})
    expect(help.status).to.equal(0)
    for (const name of ['serve', 'migrate', 'config', 'org', 'connection', 'token', 'attribute', 'log', 'demo']) {
      expect(help.stdout).to.match(new RegExp(`^  ${name}\\b`, 'm'))
    }
  })

  const wrong: readonly (readonly [readonly string[], RegExp, string])[] = [
    [[], /^Usage: rollcall /, 'rollcall'],
    [['fly'], /^error: unknown command 'fly'/, 'rollcall'],
    [['org'], /^Usage: rollcall org /, 'rollcall org'],
    [['org', 'create'], /^error: missing required argument 'name'/, 'rollcall org create'],
    [['org', 'create', 'a', 'b'], /^error: too many arguments/, 'rollcall org create'],
    [['org', 'create', ' '], /Wanted is a name of 1 to 200 characters/, 'rollcall org create'],
    [['org', 'create', 'a\u001b[2Jb'], /A name has no control characters/, 'rollcall org create'],
    [['org', 'create', '01890a5d-ac96-774b-bcce-b302099a8057'], /must not look like an id/, 'rollcall org create'],
    [['connection', 'create', '--kind', 'robot'], /Allowed choices are idp, script/, 'rollcall connection create'],
    [['connection', 'create', '--scope', 'roles'], /Allowed choices are users, groups/, 'rollcall connection create'],
    [['connection', 'create', '--pin', 'appid'], /Wanted is claim=value/, 'rollcall connection create'],
    [['connection', 'create', '--pin', 'a=1', '--pin', 'a=2'], /a is pinned twice/, 'rollcall connection create'],
    [['token', 'create', '--expires', '0'], /Wanted is a whole number from 1 to 3650/, 'rollcall token create'],
    [['token', 'revoke'], /^error: missing required argument 'token'/, 'rollcall token revoke'],
    [
      ['attribute', 'declare', 'a', '--type', 'date'],
      /Allowed choices are string, boolean/,
      'rollcall attribute declare',
    ],
    [['attribute', 'remove'], /^error: missing required argument 'name'/, 'rollcall attribute remove'],
    [['log', 'tail', '-n', '1e3'], /Wanted is a whole number from 1 to 10000/, 'rollcall log tail'],
    [['log', 'tail', '--sideways'], /^error: unknown option '--sideways'/, 'rollcall log tail'],
  ]
  for (const [args, said, usage] of wrong) {
    it(`answers wrong usage with what is wanted, help and status 1: ${JSON.stringify(args)}`, async () => {
      const { status, stdout, stderr } = await parse(args)
      expect([status, stdout]).to.deep.equal([1, ''])
      expect(stderr).to.match(said)
      expect(stderr).to.include(`Usage: ${usage} `)
    })
  }

  it('ends a process with that status, without a stack or control characters', async () => {
    const { status, stdout, stderr } = await runRollcallProcess(['log', 'tail', '--side\u001b[2Jways'], {})
    expect([status, stdout]).to.deep.equal([1, ''])
    expect(stderr).to.match(/^error: unknown option '--side\\u001b\[2Jways'\n/)
    expect(stderr).to.include('Usage: rollcall log tail ')
    expect(stderr).not.to.match(/^\s+at /m)
  })

  it('offers --json with every command', async () => {
    const commands = [
      ...[['serve'], ['migrate'], ['migrate', 'status'], ['config'], ['org', 'create'], ['org', 'list']],
      ...[
        ['connection', 'create'],
        ['connection', 'list'],
        ['connection', 'revoke'],
        ['connection', 'confirm'],
        ['attribute', 'list'],
        ['attribute', 'declare'],
        ['attribute', 'remove'],
      ],
      ...[['token', 'create'], ['token', 'rotate'], ['token', 'revoke'], ['log', 'tail'], ['demo']],
    ]
    for (const command of commands) {
      const { status, stdout } = await parse([...command, '--help'])
      expect([command, status]).to.deep.equal([command, 0])
      expect(stdout).to.match(/^ {2}--json /m)
    }
  })
})

/** Parses arguments that reach no command, in this process. */
async function parse(args: readonly string[]): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' }
  const reached = (): never => {
    throw new Error(`${args.join(' ')} reached its command`)
  }
  const ports: CommandPorts = {
    write: () => Promise.resolve(),
    out: (text) => {
      written.stdout += text
    },
    err: (text) => {
      written.stderr += text
    },
    ...{ settings: reached, publicUrl: reached, serve: reached, migrate: reached, migrationStatus: reached },
    ...{ withStore: reached, restore: reached },
  }
  try {
    await createProgram(ports, version).parseAsync(args, { from: 'user' })
    return { status: 0, ...written }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return { status: error.exitCode, ...written }
  }
}
