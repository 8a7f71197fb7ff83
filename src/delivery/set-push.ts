import { newId, type OrgId } from '../domain/ids.ts'
import { type Carrier, type CarryFailure, type Post, postOnce } from './carrier.ts'
import { type SecurityEvent, securityEventOf } from './security-event.ts'
import { oneByOne } from './webhook.ts'

/** Signs a security event token. @returns a compact JWS */
export type SignEvent = (event: SecurityEvent, audience: string | undefined) => Promise<string>

export interface PushParts {
  readonly orgId: OrgId
  readonly url: string
  readonly audience: string | undefined
  /** What the receiver knows us by, if it asks for a bearer token. */
  readonly bearer: string | undefined
  readonly sign: SignEvent
  readonly post: Post
  readonly now: () => number
}

/** Security event tokens pushed to a receiver over HTTP (RFC 8935), one after the other. */
export function createPush({ orgId, url, audience, bearer, sign, post, now }: PushParts): Carrier {
  async function send(event: SecurityEvent, signal: AbortSignal): Promise<CarryFailure | undefined> {
    const headers = {
      ...{ 'content-type': 'application/secevent+jwt', accept: 'application/json' },
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    }
    return postOnce(post, url, { headers, body: await sign(event, audience), signal })
  }

  return {
    most: 1,
    carry: (batch, signal) =>
      oneByOne(batch, async (carried) => {
        const event = securityEventOf(carried)
        return event === undefined ? undefined : send(event, signal)
      }),
    test(signal) {
      // RFC 8417 asks for an event; whether streams work is asked with SSF's own.
      const events = { 'https://schemas.openid.net/secevent/ssf/event-type/verification': {} }
      const subject = { format: 'opaque', id: orgId }
      const at = now()
      const facts = { jti: newId(at), iat: Math.floor(at / 1_000), txn: undefined }
      return send({ ...facts, sub_id: subject, events }, signal)
    },
  }
}
