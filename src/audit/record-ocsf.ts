import type { Json, JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'
import { factsOf, type RecordFacts, textIn } from './record-facts.ts'

/** Version of the schema (https://schema.ocsf.io). */
const VERSION = '1.1.0'
const OTHER = 99

/** A class of the category Identity & Access Management, and which of its activities our verbs are. */
interface Class {
  readonly uid: number
  readonly name: string
  readonly activities: Readonly<Record<string, readonly [id: number, name: string]>>
}

const ACCOUNT_CHANGE: Class = {
  uid: 3001,
  name: 'Account Change',
  activities: { create: [1, 'Create'], activate: [2, 'Enable'], deactivate: [5, 'Disable'], delete: [6, 'Delete'] },
}
const AUTHENTICATION: Class = {
  uid: 3002,
  name: 'Authentication',
  activities: {
    login: [1, 'Logon'],
    jit: [1, 'Logon'],
    start: [1, 'Logon'],
    end: [2, 'Logoff'],
    refused: [1, 'Logon'],
  },
}
const ENTITY: Class = {
  uid: 3004,
  name: 'Entity Management',
  activities: {
    create: [1, 'Create'],
    read: [2, 'Read'],
    export: [2, 'Read'],
    update: [3, 'Update'],
    delete: [4, 'Delete'],
  },
}
const GROUP: Class = {
  uid: 3006,
  name: 'Group Management',
  activities: { delete: [5, 'Delete'], create: [6, 'Create'] },
}

const CLASSES: Readonly<Record<string, Class>> = {
  user: ACCOUNT_CHANGE,
  group: GROUP,
  team: GROUP,
  member: GROUP,
  sso: AUTHENTICATION,
  session: AUTHENTICATION,
  credential: AUTHENTICATION,
}

/** Members who were added, and those removed, make an activity of a group's change. */
const ADD_USER = [3, 'Add User'] as const
const REMOVE_USER = [4, 'Remove User'] as const

/** A record as one line of an event of the Open Cybersecurity Schema Framework. */
export function ocsfLine(record: StoredRecord, pii: readonly PiiTriple[] = []): string {
  const facts = factsOf(record, pii)
  const of = CLASSES[facts.thing] ?? ENTITY
  const [id, name] = activityOf(of, facts)
  const event = {
    ...{ activity_id: id, activity_name: name, category_name: 'Identity & Access Management', category_uid: 3 },
    ...{ class_name: of.name, class_uid: of.uid, type_uid: of.uid * 100 + id, time: record.time },
    ...{ severity_id: 1, severity: 'Informational', ...statusOf(facts) },
    message: `${record.action}: ${facts.result}`,
    actor: actorOf(facts),
    ...subjectOf(of, facts),
    ...(facts.client['ip'] === undefined ? {} : { src_endpoint: { ip: facts.client['ip'] } }),
    metadata: {
      ...{ version: VERSION, product: { name: 'Rollcall', vendor_name: 'Rollcall' }, uid: record.id },
      ...{ event_code: record.action, sequence: record.seq, correlation_uid: record.requestId },
    },
    unmapped: { hash: Buffer.from(record.hash).toString('hex'), epoch: record.epoch },
  }
  return `${JSON.stringify(event)}\n`
}

function activityOf(of: Class, facts: RecordFacts): readonly [number, string] {
  const known = of.activities[facts.verb]
  if (known !== undefined) return known
  const members = of === GROUP ? facts.changes.find(({ path }) => path === 'members') : undefined
  if (members?.['added'] !== undefined) return ADD_USER
  return members?.['removed'] === undefined ? [OTHER, facts.verb] : REMOVE_USER
}

function statusOf({ result, reason }: RecordFacts): JsonObject {
  const failed = result === 'refused' || result === 'error'
  return { status_id: failed ? 2 : 1, status: failed ? 'Failure' : 'Success', status_detail: reason }
}

function actorOf({ actor }: RecordFacts): JsonObject {
  return {
    user: {
      uid: textIn(actor['id']) ?? textIn(actor['subject']) ?? 'unknown',
      type: textIn(actor['type']),
      type_id: OTHER,
    },
    ...(actor['connectionId'] === undefined ? {} : { app_uid: actor['connectionId'] }),
  }
}

function subjectOf(of: Class, facts: RecordFacts): JsonObject {
  const [first] = facts.targets
  if (of === ENTITY) return { entity: { type: textIn(first?.['type']), uid: textIn(first?.['id']) } }
  const user: JsonObject = {
    uid: textIn(facts.target('user')?.['id']) ?? 'unknown',
    name: textIn(facts.changed('userName')),
    email_addr: emailIn(facts.changed('emails')),
  }
  if (of !== GROUP) return { user }
  const group = facts.target('group') ?? facts.target('team') ?? first
  const people = facts.changes
    .filter(({ path }) => path === 'members')
    .flatMap(({ added, removed }) => [...ids(added), ...ids(removed)])
  return {
    group: { uid: textIn(group?.['id']), name: textIn(group?.['display']) },
    user: { uid: people[0] ?? 'unknown' },
  }
}

function ids(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((id: Json) => typeof id === 'string') : []
}

function emailIn(value: Json | undefined): string | undefined {
  const [first] = Array.isArray(value) ? (value as readonly Json[]) : []
  const object =
    typeof first === 'object' && first !== null && !Array.isArray(first) ? (first as JsonObject) : undefined
  return textIn(object?.['value'])
}
