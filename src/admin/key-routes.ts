import { z } from 'zod'
import type { ApiKey, KeyScope } from '../domain/api-key.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type KeyId, type UserId } from '../domain/ids.ts'
import { createKey, revokeKey } from '../provisioning/api-keys.ts'
import { expiryOf, maybeTime, type Route, route, shownTime, textOf, time } from './route.ts'

const scope = z.enum(['operator', 'admin', 'auditor', 'user'])

/** A key as the API shows it. */
export const apiKey = z.object({
  ...{ id: z.uuid(), name: z.string(), scope, user: z.uuid().nullable(), created: time },
  ...{ expires: time.nullable(), lastUsed: time.nullable(), revoked: time.nullable() },
})

const newKey = z
  .strictObject({
    name: textOf(100),
    scope: scope.default('user'),
    user: z.uuid().optional().meta({ description: 'Person or service account whose key it is; for scope `user` only' }),
    expires: time.optional(),
  })
  .meta({ examples: [{ name: 'nightly report', scope: 'auditor' }] })

/** Keys of the admin API. */
export const keyRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/keys', tag: 'Keys', summary: 'List the keys of the organisation', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(apiKey) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.keys.list(orgId)).map(shownKey) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/keys', tag: 'Keys', summary: 'Make a key, shown once', who: 'orgAdmin' },
    body: newKey,
    answer: { status: 201, schema: apiKey.extend({ key: z.string().nullable() }), secret: 'key' },
    async handle({ ports, provisioning, caller, account, orgId, body }) {
      checkScope(body, account.isOperator)
      const expires = expiryOf(body.expires, ports.now())
      const id = newId<KeyId>(ports.now())
      const { text, secretHash } = ports.mint(id)
      const user = body.user as UserId | undefined
      const draft = { id, secretHash, scope: body.scope, user, name: body.name, origin: 'minted', expires } as const
      const made = await createKey(provisioning, caller, orgId, draft).durable
      return { body: { ...shownKey(made), key: text } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/keys/{key}', tag: 'Keys', summary: 'End a key at once', who: 'orgAdmin' },
    answer: { status: 204 },
    async handle({ provisioning, caller, orgId, params }) {
      await revokeKey(provisioning, caller, orgId, params.key as KeyId).durable
      return {}
    },
  }),
]

/** @throws DomainError `invalid-value`, `forbidden` for an operator key made by anybody but an operator */
function checkScope(body: { readonly scope: KeyScope; readonly user?: string | undefined }, isOperator: boolean): void {
  if ((body.scope === 'user') !== (body.user !== undefined)) {
    throw invalid('/user', 'A key of scope user needs the user it belongs to; keys of other scopes belong to nobody')
  }
  if (body.scope !== 'operator' || isOperator) return
  throw new DomainError('forbidden', 'Only an operator key may make another', { reason: 'right.key' })
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}

/** @returns the key without what it is checked against */
export function shownKey(key: ApiKey): z.input<typeof apiKey> {
  const { id, name, scope: may, user, created, expires, lastUsed, revoked } = key
  return {
    ...{ id, name, scope: may, user: user ?? null, created: shownTime(created) },
    ...{ expires: maybeTime(expires), lastUsed: maybeTime(lastUsed), revoked: maybeTime(revoked) },
  }
}
