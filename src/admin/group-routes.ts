import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { Group } from '../domain/group.ts'
import type { GroupId } from '../domain/ids.ts'
import { markGroup } from '../provisioning/mark-group.ts'
import { type Route, route, shownTime, time } from './route.ts'

const group = z.object({
  ...{ id: z.uuid(), displayName: z.string(), externalId: z.string().nullable(), memberCount: z.number() },
  owner: z.uuid().nullable().meta({ description: 'The connection of the identity provider that manages it' }),
  protected: z
    .boolean()
    .meta({ description: 'Marked by an admin; groups whose people rules make admins are so anyway' }),
  ...{ version: z.number(), created: time, updated: time },
})

const mark = z.strictObject({ protected: z.boolean() }).meta({ examples: [{ protected: true }] })

/** Groups as identity providers pushed them: what of them is an admin's to say. */
export const groupRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/groups/{group}', tag: 'Teams', who: 'reader' },
    summary: 'Show a group',
    answer: { status: 200, schema: group },
    async handle({ ports, orgId, params }) {
      const found = await ports.reads.groups.find(orgId, params.group as GroupId)
      if (found === undefined) throw new DomainError('not-found', `Group ${params.group} not found`)
      return { body: shown(found), version: found.version }
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/groups/{group}', tag: 'Teams', who: 'orgAdmin' },
    summary: 'Mark a group as protected: only connections that may grant admin can change it then',
    body: mark,
    answer: { status: 200, schema: group },
    async handle({ provisioning, caller, params, body, ifMatch }) {
      const change = { ...body, ...(ifMatch === undefined ? {} : { ifMatch }) }
      const { value } = await markGroup(provisioning, caller, params.group as GroupId, change).durable
      return { body: shown(value), version: value.version }
    },
  }),
]

function shown(found: Group): z.input<typeof group> {
  const { id, displayName, externalId, memberCount, owner, markedProtected, version, created, updated } = found
  return {
    ...{ id, displayName, externalId: externalId ?? null, memberCount, owner: owner ?? null },
    ...{ protected: markedProtected, version, created: shownTime(created), updated: shownTime(updated) },
  }
}
