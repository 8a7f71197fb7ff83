import { z } from 'zod'
import { type Route, route } from './route.ts'

const me = z.object({
  ...{ key: z.uuid(), org: z.uuid(), user: z.uuid().nullable(), isService: z.boolean() },
  ...{ isOperator: z.boolean(), isOrgAdmin: z.boolean(), isAuditor: z.boolean(), isBillingAdmin: z.boolean() },
})

/** What the key may do that a client holds. */
export const meRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/me', tag: 'Keys', summary: 'Show whose key this is and what it may', who: 'anybody' },
    answer: { status: 200, schema: me },
    handle({ account, orgId }) {
      const { keyId, user, authenticatedAt: _time, ...rights } = account
      return Promise.resolve({ body: { key: keyId, org: orgId, user: user ?? null, ...rights } })
    },
  }),
]
