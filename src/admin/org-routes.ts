import { z } from 'zod'
import { newId, type KeyId, type OrgId } from '../domain/ids.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { checkOrgName, renameOrg } from '../provisioning/rename-org.ts'
import { foundKeyedOrg } from '../provisioning/found-keyed-org.ts'
import type { AdminPorts } from './ports.ts'
import { type Route, route, shownTime, textOf, time } from './route.ts'

const org = z.object({ id: z.uuid(), name: z.string(), created: time })

const foundedOrg = org.extend({
  adminKey: z.string().nullable().meta({ description: 'First admin key of the new organisation, shown once' }),
})

/** The caller's org, and, for operators, all of them. */
export const orgRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/org', tag: 'Organisations', summary: 'Show the organisation of the key' },
    who: 'anybody',
    answer: { status: 200, schema: org },
    async handle({ ports, orgId }) {
      return { body: await currentOrg(ports, orgId) }
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/org', tag: 'Organisations', summary: 'Rename the organisation', who: 'orgAdmin' },
    body: z.strictObject({ name: textOf(200) }).meta({ examples: [{ name: 'acme' }] }),
    answer: { status: 200, schema: org },
    async handle({ ports, provisioning, caller, orgId, body }) {
      await renameOrg(provisioning, caller, body.name).durable
      return { body: await currentOrg(ports, orgId) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/orgs', tag: 'Organisations', summary: 'List all organisations', who: 'operator' },
    answer: { status: 200, schema: z.object({ items: z.array(org) }) },
    async handle({ ports }) {
      return { body: { items: (await ports.reads.orgs.list()).map(shownOrg) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/orgs', tag: 'Organisations', who: 'operator' },
    summary: 'Make an organisation and its first admin key',
    body: z.strictObject({ name: textOf(200) }).meta({ examples: [{ name: 'acme' }] }),
    answer: { status: 201, schema: foundedOrg, secret: 'adminKey' },
    async handle({ ports, provisioning, caller, body }) {
      checkOrgName(body.name)
      const id = newId<KeyId>(ports.now())
      const { text, secretHash } = ports.mint(id)
      const made = await foundKeyedOrg(provisioning, caller, body.name, { id, secretHash }).durable
      return { body: { ...shownOrg(made), adminKey: text } }
    },
  }),
]

async function currentOrg({ reads }: AdminPorts, orgId: OrgId): Promise<z.input<typeof org>> {
  const found = await reads.orgs.find(orgId)
  if (found === undefined) throw new DomainError('not-found', 'The organisation is gone')
  return shownOrg(found)
}

function shownOrg({ id, name, created }: OrgSummary): z.input<typeof org> {
  return { id, name, created: shownTime(created) }
}
