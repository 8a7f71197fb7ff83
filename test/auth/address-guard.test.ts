import { expect } from 'chai'
import { createAddressGuard } from '../../src/auth/address-guard.ts'

const answering =
  (...addresses: string[]) =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address })))

async function outcome(allowPrivate: boolean, ...addresses: string[]): Promise<string> {
  const guard = createAddressGuard(allowPrivate, answering(...addresses))
  return guard('ldap.example').catch((error: unknown) => (error as Error).message)
}

describe('where a host that an admin named may be (S27)', () => {
  it('is at a public address, which is the one to connect to', async () => {
    expect(await outcome(false, '192.0.0.1', '8.8.8.8')).to.contain('may not be connected to')
    expect(await outcome(false, '8.8.8.8', '8.8.4.4')).to.equal('8.8.8.8')
    expect(await outcome(false)).to.contain('has no address')
  })

  it('is never at a private one, whatever else it answers, unless the operator opted in', async () => {
    for (const address of ['10.0.0.1', '127.0.0.1', '::1', '192.168.1.1', '::ffff:10.0.0.1', 'fd00::1']) {
      expect(await outcome(false, '8.8.8.8', address), address).to.contain(address)
      expect(await outcome(true, address), address).to.equal(address)
    }
  })

  it('is never where clouds serve machine credentials', async () => {
    for (const address of ['169.254.169.254', 'fe80::1', '0.0.0.0', '::ffff:169.254.169.254']) {
      expect(await outcome(true, address), address).to.contain('may not be connected to')
    }
  })
})
