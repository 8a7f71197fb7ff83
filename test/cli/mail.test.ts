import { expect } from 'chai'
import { askRollcall, runRollcall, withDatabase } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type MailSink, openMailSink } from '../support/mail-sink.ts'
import { freePort } from '../support/postgres.ts'

const MAIL_FROM = 'rollcall@gateway.example'

interface ShownInvite {
  readonly id: string
  readonly email: string
  readonly state: string
  readonly mailed: boolean
  readonly link: string | null
}

forEachDialect('mail and invitations by command, beside a running server', (dialect) => {
  let sink: MailSink
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  /** The same store without a mail server. */
  let silent: Readonly<Record<string, string>>

  before(async () => {
    sink = await openMailSink()
    gateway = await startTestGateway(dialect, {
      ...{ SMTP_URL: sink.url, MAIL_FROM, LDAP_URL: `ldap://127.0.0.1:${await freePort()}` },
      ...{ LDAP_BASE_DN: 'dc=people,dc=example', LDAP_ALLOW_PLAIN: 'true' },
    })
    env = gateway.env
    const { SMTP_URL: _url, MAIL_FROM: _from, ...rest } = env
    silent = rest
  })
  after(async () => {
    await gateway.stop()
    await sink.close()
  })

  const refused = async (args: readonly string[], with_ = env): Promise<string> => {
    const { status, stdout, stderr } = await runRollcall(args, with_)
    expect([status, stdout]).to.deep.equal([1, ''])
    expect(stderr).to.match(/^rollcall: [^\n]+\n$/)
    return stderr
  }

  it('sends a test mail at once, and says what the mail server made of it', async () => {
    const host = new URL(sink.url).host
    const said = await runRollcall(['mail', 'test', 'ann@people.example'], env)
    expect(said.stdout).to.equal(`${host} took the mail to ann@people.example\n`)
    const mail = await sink.mailTo('ann@people.example')
    expect([mail.from, mail.header('subject')]).to.deep.equal([MAIL_FROM, 'Rollcall can send mail'])
    expect(await refused(['mail', 'test', 'ann@unknown.example']))
      .to.include('550')
      .and.include('no such user here')
    expect(await refused(['mail', 'test', '"a b"@people.example'])).to.include('plain e-mail address')
    expect(await refused(['mail', 'test', 'ann@people.example'], silent)).to.include('set SMTP_URL')
    const closed = { ...env, SMTP_URL: `smtp://127.0.0.1:${await freePort()}` }
    expect(await refused(['mail', 'test', 'ann@people.example'], closed)).to.include('ECONNREFUSED')
  })

  it('reports a mail server and a directory that cannot be reached', async () => {
    const codes = async (of: Readonly<Record<string, string>>) =>
      (await askRollcall<{ code: string; message: string }[]>(['doctor'], of)).map(({ code }) => code)
    expect(await codes(env))
      .to.include('directory.unreachable')
      .and.not.include('mail.unreachable')
    expect(await codes(silent)).not.to.include('mail.unreachable')
    const closed = { ...env, SMTP_URL: `smtp://127.0.0.1:${await freePort()}` }
    const { stdout } = await runRollcall(['doctor'], closed)
    expect(stdout).to.include('mail.unreachable').and.include('Nobody can sign in by the directory "Directory"')
  })

  it('invites, lists, sends again and takes back; the server sends the mails', async () => {
    const roles = ['--role', 'viewer', '--seat', 'models=viewer', '--name', 'Bea']
    const made = await askRollcall<ShownInvite>(['invite', 'create', 'bea@people.example', ...roles], env)
    expect(made).to.include({ state: 'pending', mailed: true, link: null })
    const mail = await sink.mailTo('bea@people.example')
    expect(mail.text).to.match(/\/invite\/rollcall_/)
    expect(await refused(['invite', 'create', 'BEA@people.example'])).to.include('was invited already')
    expect(await refused(['invite', 'create', 'x@y'])).to.include('plain e-mail address')
    expect(await refused(['invite', 'create', 'x@people.example', '--team', 'nowhere'])).to.include('no team "nowhere"')
    expect(await refused(['invite', 'resend', made.id])).to.include('less than a minute ago')
    const listed = await askRollcall<ShownInvite[]>(['invite', 'list'], env)
    expect(listed.map(({ email, state }) => [email, state])).to.deep.equal([['bea@people.example', 'pending']])
    expect((await runRollcall(['invite', 'list'], env)).stdout).to.match(/^id +email +state +sent +expires\n/)
    const sent = await askRollcall<{ id: string; kind: string }[]>(['mail', 'list'], env)
    expect(sent.map(({ kind }) => kind)).to.deep.equal(['invite'])
    expect(await refused(['mail', 'resend', sent[0]!.id])).to.include('less than a minute ago')
    expect(await refused(['mail', 'resend', sent[0]!.id], silent)).to.include('set SMTP_URL')
    expect(await refused(['mail', 'resend', 'x'])).to.include('is no id of a mail')
    await withDatabase(env, (db) => db.updateTable('invite').set({ sent: 1 }).execute())
    const again = await runRollcall(['mail', 'resend', sent[0]!.id], env)
    expect(again.stdout).to.equal('The mail is on its way again\n')
    const mails = await askRollcall<{ kind: string }[]>(['mail', 'list'], env)
    expect(mails.map(({ kind }) => kind)).to.deep.equal(['invite', 'invite'])
    expect((await runRollcall(['invite', 'revoke', made.id], env)).stdout).to.equal(
      `Took back the invitation ${made.id}\n`,
    )
    expect(await refused(['invite', 'revoke', made.id])).to.include('is over')
    expect(await refused(['invite', 'revoke', 'x'])).to.include('is no id of an invitation')
  })

  it('shows the link where no mail is sent', async () => {
    const { stdout } = await runRollcall(['invite', 'create', 'cy@people.example', '--days', '2'], silent)
    const link = /http:\/\/\S+\/invite\/(rollcall_\S+)\n$/.exec(stdout)
    expect(link, stdout).not.to.equal(null)
    expect((await fetch(`${gateway.url}/invite/${link![1]}`)).status).to.equal(200)
    const wrong = await runRollcall(['invite', 'create', 'd@people.example', '--days', '91'], silent)
    expect([wrong.status, wrong.stderr.includes('from 1 to 90')]).to.deep.equal([1, true])
  })
})
