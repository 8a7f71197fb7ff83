import { z } from 'zod'
import { subjectAccess } from '../audit/subject-access.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { HoldId, LegalHold } from '../domain/privacy.ts'
import { erasePerson } from '../provisioning/erase-person.ts'
import { placeHold, releaseHold } from '../provisioning/legal-holds.ts'
import { recordExport } from '../provisioning/record-log-use.ts'
import { maybeTime, type Route, route, shownTime, textOf, time } from './route.ts'

const seq = z.number().int().positive()

const hold = z
  .strictObject({
    ...{ id: z.string(), user: z.string().nullable(), fromSeq: seq.nullable(), toSeq: seq.nullable() },
    ...{ placedSeq: seq, placed: time, releasedSeq: seq.nullable(), released: time.nullable() },
  })
  .meta({ id: 'LegalHold' })

const newHold = z
  .strictObject({
    user: z.uuid().optional().meta({ description: 'A person; everybody of the organisation if absent' }),
    fromSeq: seq.optional().meta({ description: 'The first record it is about' }),
    toSeq: seq.optional().meta({ description: 'The last record it is about' }),
    reason: textOf(500),
  })
  .meta({ examples: [{ reason: 'litigation 2026-7' }] })

const erasure = z
  .strictObject({
    ...{ user: z.string(), seq, at: time },
    deleted: z.boolean().meta({ description: 'The person was live and is deleted now' }),
    before: z.boolean().meta({ description: 'The person had been erased before; seq and at are of then' }),
    emptied: z.array(z.strictObject({ table: z.string(), rows: z.number().int() })),
    reached: z.enum(['files', 'rows', 'waiting']).meta({
      description:
        'files: no byte is left in the database file; rows: rows, dumps and exports hold nothing, freed pages may; ' +
        'waiting: something reads the database, ask again later',
    }),
    outside: z.boolean().meta({ description: 'A file outside the store is told, for restores of older backups' }),
  })
  .meta({ id: 'Erasure' })

/** What is held of people, erasing them, and the holds that forbid it. */
export const privacyRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/users/{user}/export', tag: 'Privacy', who: 'orgAdmin', isDangerous: true },
    summary: 'Everything that is held of a person, live or deleted: rows, and the log with their own values opened',
    answer: { status: 200, media: 'application/json' },
    async handle({ ports, provisioning, caller, orgId, params }) {
      const person = params.user as UserId
      if (!('user' in (await ports.reads.privacy.held(orgId, person)))) {
        throw new DomainError('not-found', `There is no person ${person}, live or deleted`)
      }
      const use = { form: 'person', personal: true, about: person }
      await recordExport(provisioning, caller, orgId, use).durable
      const pieces = subjectAccess(ports.reads, { orgId, person, values: ports.log.values })
      return { pieces, headers: { 'Content-Disposition': 'attachment; filename="person.json"' } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/users/{user}/erasure', tag: 'Privacy', who: 'orgAdmin', isDangerous: true },
    summary: 'Erase a person for good, live or deleted: every personal value, and the key to those in the log',
    answer: { status: 200, schema: erasure },
    async handle({ ports, provisioning, caller, params }) {
      const { person, at, orgId: _, ...done } = await erasePerson(provisioning, caller, params.user as UserId).durable
      const { reached, outside } = await ports.finishErasure()
      return { body: { ...done, user: person, at: shownTime(at), emptied: [...done.emptied], reached, outside } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/holds', tag: 'Privacy', summary: 'List legal holds', who: 'reader' },
    query: z.strictObject({
      all: z.enum(['true', 'false']).optional().meta({ description: 'true: released ones too' }),
    }),
    answer: { status: 200, schema: z.strictObject({ items: z.array(hold) }) },
    async handle({ ports, orgId, query }) {
      const holds = await ports.reads.privacy.holds(orgId, query.all === 'true')
      return { body: { items: holds.map(shownHold) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/holds', tag: 'Privacy', who: 'orgAdmin', isDangerous: true },
    summary: 'Place a legal hold: nothing it is about is erased or purged until it is released',
    body: newHold,
    answer: { status: 201, schema: hold },
    async handle({ provisioning, caller, body }) {
      const { user, ...draft } = body
      const placed = await placeHold(provisioning, caller, { ...draft, person: user as UserId | undefined }).durable
      return { body: shownHold(placed) }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/holds/{hold}', tag: 'Privacy', summary: 'Release a legal hold', who: 'orgAdmin' },
    isDangerous: true,
    answer: { status: 200, schema: hold },
    async handle({ provisioning, caller, params }) {
      return { body: shownHold(await releaseHold(provisioning, caller, params.hold as HoldId).durable) }
    },
  }),
]

function shownHold({ id, person, fromSeq, toSeq, placedSeq, placed, releasedSeq, released }: LegalHold) {
  return {
    ...{ id, user: person ?? null, fromSeq: fromSeq ?? null, toSeq: toSeq ?? null },
    ...{ placedSeq, placed: shownTime(placed), releasedSeq: releasedSeq ?? null, released: maybeTime(released) },
  }
}
