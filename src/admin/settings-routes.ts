import { z } from 'zod'
import type { JsonObject } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import { effectiveSettings } from '../domain/org-settings.ts'
import { changeOrgSettings } from '../provisioning/change-org-settings.ts'
import { type Route, route } from './route.ts'

const seatType = z.enum(['full', 'viewer', 'none'])

const settings = z.object({
  defaultOrgRole: z.enum(['admin', 'member', 'viewer']),
  defaultSeats: z.record(z.string(), seatType).meta({ description: 'What a new person gets of each product' }),
  settings: z.record(z.string(), z.json()).meta({ description: 'Every setting by name with its effective value' }),
})

const newSettings = z
  .strictObject({
    defaultOrgRole: z.string().optional(),
    defaultSeats: z.record(z.string(), z.json()).optional(),
    settings: z
      .record(z.string(), z.json())
      .optional()
      .meta({ description: 'null puts a setting back to its default' }),
  })
  .meta({ examples: [{ settings: { 'breaker.mode': 'hold' } }] })

/** Defaults and settings of the org. */
export const settingsRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/settings', tag: 'Settings', summary: 'Show defaults and settings', who: 'reader' },
    answer: { status: 200, schema: settings },
    async handle({ ports, orgId }) {
      const policy = await ports.reads.orgs.policy(orgId)
      return { body: shownSettings(policy), version: policy.version }
    },
  }),
  route({
    ...{
      method: 'PATCH',
      path: '/settings',
      tag: 'Settings',
      summary: 'Change defaults and settings',
      who: 'orgAdmin',
    },
    body: newSettings,
    answer: { status: 200, schema: settings },
    async handle({ provisioning, caller, body, ifMatch }) {
      const { defaultOrgRole, defaultSeats, settings: values } = body
      const change = {
        ...(defaultOrgRole === undefined ? {} : { defaultOrgRole }),
        ...(defaultSeats === undefined ? {} : { defaultSeats: defaultSeats as JsonObject }),
        ...(values === undefined ? {} : { settings: values as JsonObject }),
        ...(ifMatch === undefined ? {} : { ifMatch }),
      }
      const { value } = await changeOrgSettings(provisioning, caller, change).durable
      return { body: shownSettings(value), version: value.version }
    },
  }),
]

function shownSettings({ defaultOrgRole, defaultSeats, stored }: OrgPolicy): z.input<typeof settings> {
  const values = effectiveSettings(stored) as Record<string, z.input<ReturnType<typeof z.json>>>
  return { defaultOrgRole, defaultSeats: Object.fromEntries(defaultSeats), settings: values }
}
