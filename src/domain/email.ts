import { DomainError } from './errors.ts'
import { fold } from './fold.ts'

const MAX_ADDRESS = 254
const MAX_LOCAL = 64
/** `dot-atom` of RFC 5322 §3.2.3 in ASCII: no quotes, no comments, no white space. */
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i
/** Two labels at least (RFC 1034 §3.5), the last one not a number, so that no IP address passes for a domain. */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/i

/**
 * Whether mail may be sent to an address. Narrower than RFC 5322 on purpose: whatever two mail programs could read in two
 * ways (quoted local parts, comments, groups, several `@`, line breaks, letters beyond ASCII) is no address here, so an
 * invitation never goes to another domain than the one that was checked.
 */
export function isMailAddress(text: string): boolean {
  if (text.length > MAX_ADDRESS) return false
  const at = text.indexOf('@')
  if (at < 1 || at > MAX_LOCAL || at !== text.lastIndexOf('@')) return false
  return LOCAL.test(text.slice(0, at)) && isMailDomain(text.slice(at + 1))
}

/** Whether text is a domain that can have mail: ASCII, an international one in its `xn--` form (RFC 5890 §2.3.2.1). */
export function isMailDomain(text: string): boolean {
  return text.length <= MAX_ADDRESS - 2 && DOMAIN.test(text)
}

/** The domain of an address, folded: what stands after its only `@`. Undefined where mail may not be sent to it. */
export function domainOf(address: string): string | undefined {
  return isMailAddress(address) ? fold(address.slice(address.indexOf('@') + 1)) : undefined
}

/** @throws DomainError `invalid-value` for what is no address that mail is sent to */
export function checkMailAddress(text: string, path = 'email'): void {
  if (isMailAddress(text)) return
  throw new DomainError(
    'invalid-value',
    `${path} must be a plain e-mail address such as ann@example.com: one @, no quotes, spaces or comments, ASCII only`,
    { reason: 'email.syntax', params: { path } },
  )
}
