import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import type { OnceAnswer, OnceKey } from '../domain/kept-answer.ts'
import type { AnswerReads } from '../domain/ports.ts'
import type { AnswerWrites } from '../domain/write-ports.ts'

/** How long a request may be sent again under its key. */
const KEPT_MS = 86_400_000

/** Requests that are to be done once, and what they were answered. */
export function answerReads(db: Kysely<Database>): AnswerReads {
  return {
    async find(orgId, key) {
      const row = await db
        .selectFrom('kept_answer')
        .select(['request_hash', 'status', 'body', 'headers'])
        .where('org_id', '=', orgId)
        .where('key_id', '=', key.keyId)
        .where('idempotency_key', '=', key.idempotencyKey)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const { request_hash: requestHash, status, body, headers } = row
      if (status === null) return { requestHash, answer: undefined }
      const kept = JSON.parse(headers ?? '{}') as Record<string, string>
      return { requestHash, answer: { status, body: body ?? '', headers: kept } }
    },
  }
}

/** Claims a key in the transaction that does the request's work: both stand, or neither. */
export function answerWrites(db: Kysely<Database>): AnswerWrites {
  return {
    async claim(orgId, key, requestHash, at) {
      await db
        .deleteFrom('kept_answer')
        .where('created', '<', at - KEPT_MS)
        .execute()
      const rows = await db
        .insertInto('kept_answer')
        .values({
          ...{ org_id: orgId, key_id: key.keyId, idempotency_key: key.idempotencyKey, request_hash: requestHash },
          ...{ created: at, status: null, body: null, headers: null },
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('created')
        .execute()
      return rows.length === 1
    },
  }
}

interface Keeping {
  readonly orgId: OrgId
  readonly key: OnceKey
  readonly answer: OnceAnswer
}

/** Keeps the answer beside the claim; nothing where the claim is gone. */
export async function keepAnswer(db: Kysely<Database>, { orgId, key, answer }: Keeping): Promise<void> {
  await db
    .updateTable('kept_answer')
    .set({ status: answer.status, body: answer.body, headers: JSON.stringify(answer.headers) })
    .where('org_id', '=', orgId)
    .where('key_id', '=', key.keyId)
    .where('idempotency_key', '=', key.idempotencyKey)
    .execute()
}
