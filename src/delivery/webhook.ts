import { createHmac, randomBytes } from 'node:crypto'
import type { OrgId } from '../domain/ids.ts'
import {
  type Carried,
  type Carrier,
  type CarryFailure,
  type CarryResult,
  type Post,
  postOnce,
  shownRecord,
} from './carrier.ts'

const PREFIX = 'whsec_'

/** A fresh secret of a webhook: `whsec_` and 32 random bytes in base64, as Standard Webhooks have it. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(32).toString('base64')
}

/**
 * The value of `webhook-signature`: `v1,` and the base64 of an HMAC-SHA-256 over `<id>.<timestamp>.<body>`.
 * @param timestamp seconds
 */
export function webhookSignature(
  secret: string,
  { id, timestamp, body }: { readonly id: string; readonly timestamp: number; readonly body: string },
): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

export interface WebhookParts {
  readonly orgId: OrgId
  readonly url: string
  readonly secret: string
  readonly post: Post
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * Signed webhooks (Standard Webhooks 1.0): a POST a record, one after the other. `webhook-id` is the record's id, the same
 * in each attempt, so that a receiver knows what it has already.
 */
export function createWebhook({ orgId, url, secret, post, now }: WebhookParts): Carrier {
  function send(id: string, body: string, signal: AbortSignal): Promise<CarryFailure | undefined> {
    const timestamp = Math.floor(now() / 1_000)
    const headers = {
      ...{ 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(timestamp) },
      'webhook-signature': webhookSignature(secret, { id, timestamp, body }),
    }
    return postOnce(post, url, { headers, body, signal })
  }

  return {
    most: 1,
    carry: (batch, signal) => oneByOne(batch, (one) => send(one.record.id, bodyOf(orgId, one), signal)),
    test(signal) {
      const timestamp = new Date(now()).toISOString()
      const body = JSON.stringify({ type: 'sink.test', timestamp, data: { org: orgId } })
      return send(`test-${randomBytes(12).toString('hex')}`, body, signal)
    },
  }
}

function bodyOf(orgId: OrgId, carried: Carried): string {
  const data = shownRecord(orgId, carried)
  return JSON.stringify({ type: carried.record.action, timestamp: data['time'], data })
}

/** Sends the records of a batch in their order, until one does not arrive. */
export async function oneByOne(
  batch: readonly Carried[],
  send: (carried: Carried) => Promise<CarryFailure | undefined>,
): Promise<CarryResult> {
  let arrived = 0
  for (const carried of batch) {
    const failure = await send(carried)
    if (failure !== undefined) return { arrived, failure }
    arrived += 1
  }
  return { arrived, failure: undefined }
}
