import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Command } from 'commander'
import type { CommandPorts } from '../../src/cli/ports.ts'
import { createProgram } from '../../src/cli/program.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { openDnsServer } from '../support/dns-server.ts'
import { startTestGateway } from '../support/gateway.ts'
import { momentOf, saidSince, unnamedSince } from '../support/named-changes.ts'
import { ACCESS_CHANGES } from './access-changes.ts'
import { ACCOUNT_CHANGES } from './account-changes.ts'
import type { Beside, CommandStep, Ids } from './command-step.ts'

/** Every command that changes what the log is about, in an order in which each finds what it needs. */
const COMMANDS = [...ACCOUNT_CHANGES, ...ACCESS_CHANGES]

/** Commands that only show, or that write outside the store; that the log was read or exported is asked elsewhere. */
const CHANGE_NOTHING = [
  ...['activity show', 'activity users', 'attribute list', 'backup', 'breaker list', 'breaker show', 'config'],
  ...['connection list', 'connection trust list', 'connection waiting', 'doctor', 'domain list', 'domain show'],
  ...['explain', 'invite list', 'log export', 'log key', 'log pack', 'log schema', 'log tail', 'log verify'],
  ...[
    'mail list',
    'mail test',
    'org list',
    'privacy export',
    'privacy hold list',
    'report access',
    'report exceptions',
  ],
  ...['report grants', 'report history', 'report leavers', 'report seats', 'review list', 'review show'],
  ...['role list', 'role permissions', 'role show', 'rules export', 'rules list', 'rules plan', 'seat list'],
  ...['seat waiting', 'service-account key list', 'service-account list', 'session list', 'settings list'],
  ...['signin check', 'signin identities', 'signin list', 'sink dead', 'sink list', 'sink show', 'sink test'],
  ...['team list', 'team members', 'team show', 'token list', 'user export', 'user list', 'user show'],
]

/** Commands about a whole store, asked in tests of their own; `demo` is a client of SCIM, whose routes are asked. */
const WHOLE_STORE = ['demo', 'log accept-fork', 'log purge', 'migrate status', 'restore', 'serve']

forEachDialect('every change by command (C01)', (dialect) => {
  let beside: Beside
  let orgId: OrgId
  const ids: Ids = {}

  before(async () => {
    const dns = await openDnsServer()
    const gateway = await startTestGateway(dialect, {
      ...{ ROLLCALL_DNS_SERVERS: dns.address, MAIL_FROM: 'rollcall@gateway.example' },
      // Nobody listens there: what waits is looked at, and not sent.
      SMTP_URL: 'smtp://127.0.0.1:9',
    })
    const folder = mkdtempSync(join(tmpdir(), 'rollcall-commands-'))
    ids['folder'] = folder
    beside = {
      ...{ gateway, dns, folder, ids },
      ask: (...args) => askRollcall(args, gateway.env),
      scim: (method, path, body) => scim(method, path, body),
    }
    const org = (await gateway.gateway.opened.store.reads.orgs.find('default'))!
    orgId = org.id
    ids['org'] = orgId
    ids['default'] = ((await beside.ask('connection', 'list')) as { id: string }[])[0]!.id
  })
  after(async () => {
    await beside.gateway.stop()
    await beside.dns.close()
    rmSync(beside.folder, { recursive: true, force: true })
  })

  async function scim(method: string, path: string, body: unknown): Promise<unknown> {
    const answer = await fetch(`${beside.gateway.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${beside.gateway.token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    })
    return answer.json()
  }

  it('is in the table of this test', () => {
    const known = new Set([...CHANGE_NOTHING, ...WHOLE_STORE])
    const all = commandsOf(createProgram({} as CommandPorts, '0'), '')
    const inTable = new Set(COMMANDS.map((step) => commandOf(step, all)))
    expect(all.filter((name) => inTable.has(name) === known.has(name))).to.deep.equal([])
  })

  for (const step of COMMANDS) {
    it(`rollcall ${step.args.join(' ')} names each thing it changes in exactly one record`, async () => {
      await step.arrange?.(beside)
      const { opened } = beside.gateway.gateway
      const { writer } = opened.connections
      const moment = await momentOf(writer)
      const args = step.args.map(filled)
      const { status, stdout, stderr } = await runRollcall([...args, '--json'], beside.gateway.env)
      expect(status, stderr).to.equal(0)
      if (step.makes !== undefined) ids[step.makes] = (JSON.parse(stdout) as { id: string }).id
      expect(await unnamedSince(writer, moment, unfilled)).to.equal('')
      const said = await saidSince({ records: opened.store.reads.records, values: opened.values }, moment, orgId)
      expect(said.map(unfilled)).to.include.members([...step.says])
    })
  }

  function filled(text: string): string {
    return text.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? `no ${name}`)
  }

  function unfilled(text: string): string {
    let named = text
    for (const [name, id] of Object.entries(ids)) named = named.replaceAll(id, `{${name}}`)
    return named
  }
})

/** Every command that does something, by its full name. */
function commandsOf(command: Command, name: string): readonly string[] {
  if (command.commands.length === 0) return [name]
  return command.commands.flatMap((one) => commandsOf(one, name === '' ? one.name() : `${name} ${one.name()}`))
}

/** Which of all commands a step is of: the longest that its arguments begin with. */
function commandOf({ args }: CommandStep, all: readonly string[]): string {
  const said = `${args.join(' ')} `
  const fitting = all.filter((name) => said.startsWith(`${name} `)).sort((a, b) => b.length - a.length)
  return fitting[0] ?? said
}
