import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * `public`: may be asked for keys. `private` and `loopback`: only where the operator opted in. `never`: no host that
 * serves keys has such an address (unspecified, multicast), or it is where clouds serve machine credentials (link-local).
 */
export type AddressClass = 'public' | 'private' | 'loopback' | 'never'

/** What counts as a source of requests whose address cannot be read. */
const OTHER = 'other'

/** IANA IPv4 Special-Purpose Address Registry (RFC 6890): what is not globally reachable, by class. */
const IPV4_LOOPBACK = nets('ipv4', ['127.0.0.0/8'])
const IPV4_NEVER = nets('ipv4', ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'])
const IPV4_PRIVATE = nets('ipv4', [
  ...['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
])

/** IPv6: only global unicast is public, less what stands for something else (Teredo and such, 6to4, documentation). */
const IPV6_GLOBAL = nets('ipv6', ['2000::/3'])
const IPV6_SPECIAL = nets('ipv6', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])
const IPV6_NEVER = nets('ipv6', ['::/128', 'fe80::/10', 'ff00::/8'])

/** The class of an IP address as text. What is no address is `never`. */
export function classifyAddress(address: string): AddressClass {
  if (isIPv4(address)) return classifyIPv4(address)
  if (!isIPv6(address)) return 'never'
  const plain = address.split('%')[0]!
  const groups = expandIPv6(plain)
  const embedded = embeddedIPv4(groups)
  if (embedded !== undefined) return classifyIPv4(embedded)
  if (groups.slice(0, 7).every((group) => group === 0) && groups[7] === 1) return 'loopback'
  if (IPV6_NEVER.check(plain, 'ipv6')) return 'never'
  return IPV6_GLOBAL.check(plain, 'ipv6') && !IPV6_SPECIAL.check(plain, 'ipv6') ? 'public' : 'private'
}

/**
 * What counts as one source of requests: an IPv4 address (also one mapped into IPv6), or the /64 of an IPv6 address,
 * since one host commonly owns all of it. What is no address is `other`.
 */
export function sourceNet(ip: string): string {
  const address = ip.split('%')[0]!
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return OTHER
  const groups = expandIPv6(address)
  const mapped = isMapped(groups) ? embeddedIPv4(groups) : undefined
  if (mapped !== undefined) return mapped
  const net = groups.slice(0, 4).map((group) => group.toString(16))
  return `${net.join(':')}::/64`
}

function classifyIPv4(address: string): AddressClass {
  if (IPV4_LOOPBACK.check(address)) return 'loopback'
  if (IPV4_NEVER.check(address)) return 'never'
  return IPV4_PRIVATE.check(address) ? 'private' : 'public'
}

/** `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
function isMapped(groups: readonly number[]): boolean {
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
}

/** `64:ff9b::/96` (RFC 6052 §2.1): the network translates it to the IPv4 address inside. */
function isTranslated(groups: readonly number[]): boolean {
  return groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0)
}

function embeddedIPv4(groups: readonly number[]): string | undefined {
  if (!isMapped(groups) && !isTranslated(groups)) return undefined
  const high = groups[6]!
  const low = groups[7]!
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight 16-bit groups of a valid IPv6 address, with or without a dotted tail (RFC 4291 §2.2). */
function expandIPv6(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const hex = dotted ? `${dotted[1]}${pair(dotted[2]!, dotted[3]!)}:${pair(dotted[4]!, dotted[5]!)}` : address
  const [head = '', tail] = hex.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<string>(gap).fill('0'), ...right].map((group) => Number.parseInt(group, 16))
}

function pair(high: string, low: string): string {
  return ((Number(high) << 8) | Number(low)).toString(16)
}

function nets(family: 'ipv4' | 'ipv6', list: readonly string[]): BlockList {
  const block = new BlockList()
  for (const net of list) {
    const [address = '', bits = ''] = net.split('/')
    block.addSubnet(address, Number(bits), family)
  }
  return block
}
