import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { RoleId } from '../domain/ids.ts'
import {
  addedPermissions,
  type CustomRole,
  effectivePermissions,
  isInherited,
  PERMISSIONS,
  ROLE_BASES,
  type RoleState,
} from '../domain/role.ts'
import { changeRole } from '../provisioning/change-role.ts'
import { createRole } from '../provisioning/create-role.ts'
import { deleteRole } from '../provisioning/delete-role.ts'
import { type Route, route, type RouteAnswer, shownTime, textOf, time } from './route.ts'

const base = z.enum(['member', 'viewer'])

const role = z.object({
  ...{ id: z.uuid(), name: z.string(), description: z.string().nullable(), inheritedFrom: base },
  ...{ version: z.number(), created: time, updated: time },
  added: z.array(z.string()).meta({ description: 'What the role permits beyond what it inherits' }),
  permissions: z
    .array(z.object({ name: z.string(), isInherited: z.boolean() }))
    .meta({ description: 'All that its holders may do' }),
})

const names = z.array(z.string().max(128)).max(200)

const description = z.string().max(2_000).nullish()

const newRole = z
  .strictObject({ name: textOf(256), description, inheritedFrom: base, permissions: names.default([]) })
  .meta({ examples: [{ name: 'Reviewer', inheritedFrom: 'viewer', permissions: ['report:update'] }] })

const roleChange = z
  .strictObject({
    ...{ name: textOf(256).optional(), description, inheritedFrom: base.optional() },
    permissions: names.optional().meta({ description: 'All that it is to permit beyond what it inherits' }),
  })
  .meta({ examples: [{ permissions: ['report:update', 'report:delete'] }] })

const permission = z.object({ name: z.string(), builtIn: z.array(base) })

/** Custom roles, which are given in teams. */
export const roleRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/permissions', tag: 'Roles', who: 'anybody' },
    summary: 'List every permission there is, and which built-in roles have it',
    answer: { status: 200, schema: z.object({ items: z.array(permission) }) },
    handle() {
      const items = PERMISSIONS.map((name) => ({ name, builtIn: ROLE_BASES.filter((each) => isInherited(each, name)) }))
      return Promise.resolve({ body: { items } })
    },
  }),
  route({
    ...{ method: 'GET', path: '/roles', tag: 'Roles', summary: 'List custom roles', who: 'anybody' },
    answer: { status: 200, schema: z.object({ items: z.array(role) }) },
    async handle({ ports, orgId }) {
      const viewer = { connectionId: undefined, kind: 'script' } as const
      const query = { filter: undefined, sort: undefined, startIndex: 1, count: 1_000, viewer }
      return { body: { items: (await ports.reads.roles.page(orgId, query)).rows.map(shownRole) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/roles', tag: 'Roles', summary: 'Make a custom role', who: 'orgAdmin' },
    body: newRole,
    answer: { status: 201, schema: role },
    async handle({ provisioning, caller, body }) {
      const { name, inheritedFrom, permissions } = body
      const state: RoleState = {
        ...{ name, description: body.description ?? undefined, base: inheritedFrom },
        permissions: addedPermissions(inheritedFrom, permissions),
      }
      const made = await createRole(provisioning, caller, state).durable
      return { ...answered(made), headers: { Location: `/api/v1/roles/${made.id}` } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/roles/{role}', tag: 'Roles', summary: 'Show a custom role', who: 'anybody' },
    answer: { status: 200, schema: role },
    async handle({ ports, orgId, params }) {
      const found = await ports.reads.roles.find(orgId, params.role as RoleId)
      if (found === undefined) throw new DomainError('not-found', `Role ${params.role} not found`)
      return answered(found)
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/roles/{role}', tag: 'Roles', who: 'orgAdmin' },
    summary: 'Change a custom role; its holders have it changed at once',
    body: roleChange,
    answer: { status: 200, schema: role },
    async handle({ provisioning, caller, params, body, ifMatch }) {
      const options = { method: 'PATCH', ...(ifMatch === undefined ? {} : { ifMatch }) } as const
      const change = (current: RoleState): RoleState => changed(current, body)
      const answer = changeRole(provisioning, caller, params.role as RoleId, { ...options, change })
      return answered((await answer.durable).value)
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/roles/{role}', tag: 'Roles', who: 'orgAdmin' },
    summary: 'Delete a custom role; people, rules and teams that name it have its base from then on',
    answer: { status: 204 },
    async handle({ provisioning, caller, params, ifMatch }) {
      const options = { method: 'DELETE', ...(ifMatch === undefined ? {} : { ifMatch }) } as const
      await deleteRole(provisioning, caller, params.role as RoleId, options).durable
      return {}
    },
  }),
]

function changed(current: RoleState, body: z.output<typeof roleChange>): RoleState {
  const { name = current.name, inheritedFrom = current.base, permissions = current.permissions } = body
  return {
    name,
    base: inheritedFrom,
    description: body.description === undefined ? current.description : (body.description ?? undefined),
    permissions: addedPermissions(inheritedFrom, permissions),
  }
}

function answered(found: CustomRole): RouteAnswer<z.input<typeof role>> {
  return { body: shownRole(found), version: found.version }
}

function shownRole(found: CustomRole): z.input<typeof role> {
  const { id, name, description: said, base: inheritedFrom, version, created, updated, permissions } = found
  return {
    ...{ id, name, description: said ?? null, inheritedFrom, version },
    ...{ created: shownTime(created), updated: shownTime(updated), added: [...permissions] },
    permissions: [...effectivePermissions(found)],
  }
}
