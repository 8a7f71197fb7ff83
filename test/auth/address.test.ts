import { expect } from 'chai'
import { classifyAddress, sourceNet } from '../../src/auth/address.ts'

describe('addresses', () => {
  const classes: Record<string, readonly string[]> = {
    public: ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'],
    private: [
      ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '198.18.0.1', '192.0.2.1'],
      ...['fd00::1', 'fc00:ec2::254', '2001:db8::1', '2002:7f00:1::', '2001::1', '::ffff:10.0.0.1'],
      ...['::ffff:a00:1', '64:ff9b::10.0.0.1', '100::1', '::7f00:1', 'fec0::1'],
    ],
    loopback: ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
    never: [
      ...['0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::', 'fe80::1', 'fe80::1%eth0', 'ff02::1'],
      ...['::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', 'localhost', '2130706433', '127.1', ''],
    ],
  }
  for (const [kind, addresses] of Object.entries(classes)) {
    for (const address of addresses) {
      it(`class ${address || 'nothing'} as ${kind} (RFC 6890)`, () => {
        expect(classifyAddress(address)).to.equal(kind)
      })
    }
  }

  const sources: readonly (readonly [string, string])[] = [
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'other'],
    ['', 'other'],
  ]
  for (const [ip, net] of sources) {
    it(`count ${ip || 'nothing'} as the source ${net}`, () => {
      expect(sourceNet(ip)).to.equal(net)
    })
  }
})
