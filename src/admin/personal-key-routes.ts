import { z } from 'zod'
import { newId, type KeyId, type UserId } from '../domain/ids.ts'
import { createPersonalKey, revokePersonalKey } from '../provisioning/api-keys.ts'
import { apiKey, shownKey } from './key-routes.ts'
import { getUser } from './known-user.ts'
import { expiryOf, type Route, route, textOf, time } from './route.ts'

const newKey = z
  .strictObject({ name: textOf(100), expires: time.optional() })
  .meta({ examples: [{ name: 'training script' }] })

/** Keys that people make for themselves: each may what the person may at that moment, and rests while they are not active. */
export const personalKeyRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/users/{user}/keys', tag: 'Keys', summary: 'List the keys of a person', who: 'self' },
    answer: { status: 200, schema: z.object({ items: z.array(apiKey) }) },
    async handle({ ports, orgId, params }) {
      const { id } = await getUser(ports, orgId, params.user)
      const keys = await ports.reads.keys.list(orgId)
      return { body: { items: keys.filter(({ user }) => user === id).map(shownKey) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/users/{user}/keys', tag: 'Keys', who: 'self' },
    summary: 'Make a key of a person, shown once',
    body: newKey,
    answer: { status: 201, schema: apiKey.extend({ key: z.string().nullable() }), secret: 'key' },
    async handle({ ports, provisioning, caller, params, body }) {
      const id = newId<KeyId>(ports.now())
      const { text, secretHash } = ports.mint(id)
      const expires = expiryOf(body.expires, ports.now())
      const user = params.user as UserId
      const draft = { id, secretHash, scope: 'user', user, name: body.name, origin: 'minted', expires } as const
      return { body: { ...shownKey(await createPersonalKey(provisioning, caller, draft).durable), key: text } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/users/{user}/keys/{key}', tag: 'Keys', who: 'self' },
    summary: 'End a key of a person at once',
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await revokePersonalKey(provisioning, caller, { user: params.user as UserId, id: params.key as KeyId }).durable
      return {}
    },
  }),
]
