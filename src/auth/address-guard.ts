import { lookup as systemLookup } from 'node:dns/promises'
import { classifyAddress } from './address.ts'

/** Resolves the host of a service that an org's admin named to the address to connect to. */
export type AddressGuard = (host: string) => Promise<string>

/**
 * Lets a connection go to public addresses, and to private ones where the operator opted in; never to link-local ones,
 * where clouds serve machine credentials. Name resolution is asked once, every address it gives must pass, and the one
 * returned is to be connected to, so that a second answer changes nothing.
 * @param resolve name resolution, default `dns.lookup`
 */
export function createAddressGuard(
  allowPrivate: boolean,
  resolve: (host: string) => Promise<readonly { address: string }[]> = (host) => systemLookup(host, { all: true }),
): AddressGuard {
  return async (host) => {
    const found = await resolve(host)
    const refused = found.find(({ address }) => !mayReach(address, allowPrivate))
    if (refused !== undefined) throw new Error(`${host} is at ${refused.address}, which may not be connected to`)
    const [first] = found
    if (first === undefined) throw new Error(`${host} has no address`)
    return first.address
  }
}

/** Whether a service that an org's admin named may be at an IP address. */
export function mayReach(address: string, allowPrivate: boolean): boolean {
  const kind = classifyAddress(address)
  return kind === 'public' || (kind !== 'never' && allowPrivate)
}
