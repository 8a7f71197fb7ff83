/** What the URI of every event of SCIM begins with (RFC 9967 §2.4). */
export const EVENT_PREFIX = 'urn:ietf:params:scim:event'

/** Every event that is sent, by URI: for those who ask before they subscribe (RFC 9967 §4). */
export const SECURITY_EVENTS: readonly string[] = [
  ...['create:notice', 'put:notice', 'patch:notice', 'delete', 'activate', 'deactivate'].map(
    (event) => `${EVENT_PREFIX}:prov:${event}`,
  ),
]
