import { expect } from 'chai'
import { loadConfig } from '../../src/config.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/http/logging.ts'
import { Browser } from '../console/browser.ts'
import { PASSWORD } from '../console/local-accounts.ts'
import { forEachDialect } from '../support/databases.ts'
import { gatewayEnvironment } from '../support/gateway.ts'

forEachDialect('S40 the address for the first administrator', (dialect) => {
  it('is shown by the first start alone, never once there is one, and again where the operator asks for a way back', async () => {
    const { env, url } = await gatewayEnvironment(dialect, { ROLLCALL_PASSWORD_COST: '14' })
    const start = (more: Readonly<Record<string, string>> = {}) =>
      startGateway(loadConfig({ ...env, ...more }), createLogger('silent'))
    const shown: (string | undefined)[] = []
    const first = await start()
    shown.push(first.setupUrl)
    await first.stop()
    const second = await start()
    shown.push(second.setupUrl)
    const given = { email: 'chief@example.com', name: '', password: PASSWORD, repeated: PASSWORD }
    const browser = new Browser(url)
    const { status } = await browser.submit(new URL(shown[0]!).pathname, '/setup', given)
    expect(status).to.equal(303)
    const seen = async (gateway: Gateway) => {
      const { sessions, orgs } = gateway.opened.store.reads
      return (await sessions.list((await orgs.list())[0]!.id, Date.now()))[0]!.lastSeen
    }
    const begun = await seen(second)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect((await browser.get('/account')).status).to.equal(200)
    await second.stop()
    const third = await start()
    // Written at the stop, not at the click.
    expect(await seen(third)).to.be.above(begun)
    shown.push(third.setupUrl)
    await third.stop()
    const restored = await start({ LOCAL_RESTORE: 'true' })
    shown.push(restored.setupUrl)
    expect(shown.map((one) => one?.replace(/[\w-]{43}$/, 'X'))).to.deep.equal([
      ...[`${url}/setup/X`, undefined, undefined, `${url}/setup/X`],
    ])
    const page = await new Browser(url).get(new URL(shown[3]!).pathname)
    expect(page.status).to.equal(200)
    await restored.stop()
  })
})
