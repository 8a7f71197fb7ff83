import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { RoleId, RuleId, UserId } from '../domain/ids.ts'
import { RULE_MATCH_KINDS, type Rule } from '../domain/rule.ts'
import { changeRule } from '../provisioning/change-rule.ts'
import { createRule } from '../provisioning/create-rule.ts'
import { deleteRule } from '../provisioning/delete-rule.ts'
import { explainPerson } from '../provisioning/explain-person.ts'
import { planChange, type StatedChange } from '../provisioning/plan-change.ts'
import { preview } from '../provisioning/preview.ts'
import type { RuleDraft } from '../provisioning/rule-draft.ts'
import { type Route, route, type RouteAnswer, shownTime, textOf, time } from './route.ts'

const matchKind = z.enum(RULE_MATCH_KINDS)

const shownRule = z.object({
  ...{ id: z.uuid(), name: z.string(), directoryOnly: z.boolean(), enabled: z.boolean() },
  match: z.object({ kind: matchKind, value: z.string(), connection: z.uuid().nullable() }),
  grants: z.array(
    z.union([
      z.object({ team: z.uuid(), role: z.string() }),
      z.object({ orgRole: z.string() }),
      z.object({ seat: z.string(), type: z.string() }),
    ]),
  ),
  ...{ version: z.number(), created: time, updated: time },
})

const grant = z.union([
  z.strictObject({ team: textOf(256), role: textOf(256) }),
  z.strictObject({ orgRole: textOf(256) }),
  z.strictObject({ seat: textOf(256), type: textOf(256) }),
])

const draft = z
  .strictObject({
    name: z.string().max(256).optional(),
    match: z.strictObject({
      kind: matchKind,
      value: z.string().max(256).optional(),
      connection: textOf(256).optional().meta({ description: 'By id or name; groups of any if absent' }),
    }),
    directoryOnly: z.boolean().optional(),
    existingTeams: z
      .enum(['keep', 'archive'])
      .optional()
      .meta({ description: 'With directoryOnly, once: what becomes of teams that are there already. Default: keep' }),
    enabled: z.boolean().optional(),
    grants: z.array(grant).max(200).default([]).meta({ description: 'Teams and custom roles by id or name' }),
  })
  .meta({ examples: [{ match: { kind: 'glob', value: 'eng-*' }, grants: [{ seat: 'models', type: 'full' }] }] })

const role = z.strictObject({
  ...{ name: textOf(256), description: z.string().max(2_000).nullish(), inheritedFrom: z.enum(['member', 'viewer']) },
  permissions: z.array(z.string().max(128)).max(200).default([]),
})

const stated = z
  .strictObject({
    rule: z.strictObject({ id: z.uuid().optional(), to: draft.nullable() }).optional(),
    role: z.strictObject({ id: z.uuid(), to: role.nullable() }).optional(),
    settings: z
      .strictObject({
        defaultOrgRole: z.string().max(64).optional(),
        defaultSeats: z.record(z.string().max(64), z.string().max(64)).optional(),
        settings: z.record(z.string().max(64), z.json()).optional(),
      })
      .optional(),
    licence: z
      .record(z.string().max(64), z.record(z.string().max(64), z.number()))
      .optional()
      .meta({ description: 'Product → type → number of seats' }),
  })
  .meta({ examples: [{ rule: { to: { match: { kind: 'everyone' }, grants: [{ orgRole: 'viewer' }] } } }] })

const source = z.object({
  ...{ kind: z.string(), text: z.string(), rule: z.string().nullable(), group: z.string().nullable() },
})
const candidate = z.object({
  ...{ kind: z.string(), target: z.string(), targetName: z.string(), value: z.string(), by: source },
})
const explained = z.object({
  ...{ id: z.uuid(), userName: z.string(), status: z.string(), accountType: z.string(), pending: z.boolean() },
  values: z.array(
    candidate.extend({
      ...{ held: z.string(), capped: z.string().nullable(), ties: z.array(z.string()) },
      losers: z.array(z.object({ value: z.string(), by: source })),
    }),
  ),
  withoutEffect: z.array(candidate),
  nested: z
    .array(z.object({ group: z.uuid(), name: z.string(), through: z.uuid(), throughName: z.string() }))
    .meta({ description: 'Groups that only hold a group the person is in (`through`): they give nothing' }),
  withheldAdmin: z.string().nullable(),
})

/** Rules, what a change would come to, and why somebody has what they have. */
export const ruleRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/rules', tag: 'Rules', summary: 'List rules', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(shownRule) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.rules.list(orgId)).map(shown) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/rules', tag: 'Rules', summary: 'Make a rule', who: 'orgAdmin' },
    body: draft,
    answer: { status: 201, schema: shownRule },
    async handle({ provisioning, caller, body }) {
      const made = await createRule(provisioning, caller, body).durable
      return { ...answered(made), headers: { Location: `/api/v1/rules/${made.id}` } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/rules/{rule}', tag: 'Rules', summary: 'Show a rule', who: 'reader' },
    answer: { status: 200, schema: shownRule },
    async handle({ ports, orgId, params }) {
      const found = await ports.reads.rules.find(orgId, params.rule as RuleId)
      if (found === undefined) throw new DomainError('not-found', `Rule ${params.rule} not found`)
      return answered(found)
    },
  }),
  route({
    ...{ method: 'PUT', path: '/rules/{rule}', tag: 'Rules', summary: 'Replace a rule', who: 'orgAdmin' },
    body: draft,
    answer: { status: 200, schema: shownRule },
    async handle({ provisioning, caller, params, body, ifMatch }) {
      const options = { method: 'PUT', draft: body, ...(ifMatch === undefined ? {} : { ifMatch }) } as const
      return answered((await changeRule(provisioning, caller, params.rule as RuleId, options).durable).value)
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/rules/{rule}', tag: 'Rules', summary: 'Delete a rule', who: 'orgAdmin' },
    answer: { status: 204 },
    async handle({ provisioning, caller, params, ifMatch }) {
      const options = ifMatch === undefined ? {} : { ifMatch }
      await deleteRule(provisioning, caller, params.rule as RuleId, options).durable
      return {}
    },
  }),
  route({
    ...{ method: 'POST', path: '/previews', tag: 'Rules', who: 'orgAdmin' },
    summary: 'Compute what a change of a rule, custom role or settings would come to, without making it',
    body: stated,
    answer: { status: 200, media: 'application/x-ndjson' },
    async handle({ ports, provisioning, orgId, body }) {
      const change = await planChange(provisioning, orgId, oneOf(body)).durable
      return { pieces: lines(preview(ports.reads, orgId, change)) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/users/{user}/explanation', tag: 'Users', who: 'self' },
    summary: 'Say what a person has, what gave it, and what lost',
    answer: { status: 200, schema: explained },
    async handle({ ports, orgId, params }) {
      const { values, withoutEffect, nested, ...person } = await explainPerson(
        ports.reads,
        orgId,
        params.user as UserId,
      )
      const lists = values.map(({ losers, ties, ...value }) => ({ ...value, losers: [...losers], ties: [...ties] }))
      return { body: { ...person, values: lists, withoutEffect: [...withoutEffect], nested: [...nested] } }
    },
  }),
]

function shown({ id, name, match, directoryOnly, enabled, grants, ...rule }: Rule): z.input<typeof shownRule> {
  const { kind, value, connection = null } = match
  return {
    ...{ id, name, directoryOnly, enabled, match: { kind, value, connection }, version: rule.version },
    grants: grants.map((given) => {
      if (given.kind === 'org_role') return { orgRole: given.value }
      return given.kind === 'seat'
        ? { seat: given.target, type: given.value }
        : { team: given.target, role: given.value }
    }),
    ...{ created: shownTime(rule.created), updated: shownTime(rule.updated) },
  }
}

function answered(rule: Rule): RouteAnswer<z.input<typeof shownRule>> {
  return { body: shown(rule), version: rule.version }
}

/** @throws DomainError `invalid-value` unless just one thing is stated */
function oneOf({ rule, role: custom, settings, licence }: z.output<typeof stated>): StatedChange {
  const changes: StatedChange[] = []
  if (rule !== undefined) {
    changes.push({ kind: 'rule', id: rule.id as RuleId | undefined, draft: rule.to satisfies RuleDraft | null })
  }
  if (custom !== undefined) {
    const { id, to } = custom
    const state = to && { ...to, description: to.description ?? undefined, base: to.inheritedFrom }
    changes.push({ kind: 'role', id: id as RoleId, to: state })
  }
  if (settings !== undefined) {
    const { defaultOrgRole, defaultSeats, settings: values } = settings
    const change = {
      ...(defaultOrgRole === undefined ? {} : { defaultOrgRole }),
      ...(defaultSeats === undefined ? {} : { defaultSeats }),
      ...(values === undefined ? {} : { settings: values }),
    }
    changes.push({ kind: 'settings', change })
  }
  if (licence !== undefined) changes.push({ kind: 'licence', seats: licence })
  const [change, second] = changes
  if (change !== undefined && second === undefined) return change
  throw new DomainError('invalid-value', 'State one change: a rule, a role, settings or the licence', {
    params: { path: '/' },
  })
}

async function* lines(events: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`
}
