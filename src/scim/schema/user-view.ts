import type { OrgAttribute } from '../../domain/org-attribute.ts'
import { CUSTOM_URN, ROLLCALL_URN, TEAMS_URN, WANDB_URN } from '../../domain/schema-urns.ts'
import { type Mount, traitsOf } from '../location.ts'
import { baseView } from './definitions.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from './view.ts'

function attribute(name: string, description: string, more: Partial<AttributeDefinition> = {}): AttributeDefinition {
  return Object.freeze({
    name,
    type: 'string',
    multiValued: false,
    description,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...more,
  })
}

const SEAT_TYPES = Object.freeze(['full', 'viewer', 'none'])

function roleList(
  name: string,
  description: string,
  holder: AttributeDefinition,
  role: AttributeDefinition,
): AttributeDefinition {
  return attribute(name, description, {
    type: 'complex',
    multiValued: true,
    subAttributes: Object.freeze([holder, role]),
  })
}

/** What a person may do (RFC 7643 §3.3): effective values, which a client may set for one person. */
export const ROLLCALL_EXTENSION: SchemaDefinition = Object.freeze({
  id: ROLLCALL_URN,
  name: 'Rollcall User',
  description: 'Role in the organization, seats, and roles in teams and registries',
  attributes: Object.freeze([
    attribute('organizationRole', 'The role in the organization, as it is in effect.', {
      canonicalValues: Object.freeze(['admin', 'member', 'viewer']),
    }),
    attribute('modelsSeat', 'The seat of Models.', { canonicalValues: SEAT_TYPES }),
    attribute('weaveRole', 'The seat of Weave.', { canonicalValues: SEAT_TYPES }),
    roleList(
      'teamRoles',
      'The role in each team; writing one sets it for the team it names and leaves the others.',
      attribute('teamName', 'Name of the team.'),
      attribute(
        'roleName',
        'The role in the team: admin, member, viewer, or the name of a custom role in its exact case.',
      ),
    ),
    roleList(
      'registryRoles',
      'The role in each registry, as it was given.',
      attribute('registryName', 'Name of the registry.', { caseExact: true }),
      attribute('roleName', 'The role in the registry.', { caseExact: true }),
    ),
    attribute('accountType', 'USER for a person, SERVICE or ORG_SERVICE for a service account.', {
      caseExact: true,
      mutability: 'immutable',
      canonicalValues: Object.freeze(['USER', 'SERVICE', 'ORG_SERVICE']),
    }),
    attribute('daysActive', 'On how many days the person was active.', { type: 'integer', mutability: 'readOnly' }),
    attribute('lastActiveAt', 'When the person was last active.', { type: 'dateTime', mutability: 'readOnly' }),
  ]),
})

/** The teams a client asks a new person to join; accepted, never shown. */
const TEAMS_EXTENSION: SchemaDefinition = Object.freeze({
  id: TEAMS_URN,
  name: 'Teams',
  description: 'Teams to join',
  attributes: Object.freeze([
    attribute('teams', 'Names of teams to join.', { multiValued: true, returned: 'never' }),
    attribute('defaultTeam', 'Name of the team a service account belongs to.', { returned: 'never' }),
  ]),
})

const base = baseView('User')

/** Test tools write random values to every attribute that is published as writable, where these name what exists. */
const NAMES_WHAT_EXISTS: ReadonlySet<string> = new Set(['teamRoles', 'registryRoles'])

const PUBLISHED_EXTENSION: SchemaDefinition = Object.freeze({
  ...ROLLCALL_EXTENSION,
  attributes: Object.freeze(
    ROLLCALL_EXTENSION.attributes.map((each) =>
      NAMES_WHAT_EXISTS.has(each.name) ? Object.freeze({ ...each, mutability: 'readOnly' as const }) : each,
    ),
  ),
})

const FLAT_CORE: SchemaDefinition = Object.freeze({
  ...base.core,
  attributes: Object.freeze([...base.core.attributes, ...ROLLCALL_EXTENSION.attributes]),
})

/** What a reference to something outside SCIM may be (RFC 7643 §7, referenceTypes). */
const ANY_REFERENCE = Object.freeze(['external', 'uri'])

function customAttribute({ name, description, type, multiValued, caseExact }: OrgAttribute): AttributeDefinition {
  const referenceTypes = type === 'reference' ? { referenceTypes: ANY_REFERENCE } : {}
  return Object.freeze(attribute(name, description, { type, multiValued, caseExact, ...referenceTypes }))
}

function customExtension(declared: readonly OrgAttribute[]): SchemaDefinition | undefined {
  const live = declared.filter(({ state }) => state === 'live')
  if (live.length === 0) return undefined
  return Object.freeze({
    id: CUSTOM_URN,
    name: 'Custom User',
    description: 'What the organization declared of its own',
    attributes: Object.freeze(live.map(customAttribute)),
  })
}

/** The schemas of people as one org sees them. */
export interface UserViews {
  /**
   * What is read of people on every mount: core, enterprise, the org's own and Rollcall's extension, whose attributes are
   * also taken at the top level and under the URNs that W&B's clients use.
   */
  readonly parsed: SchemaView
  /** What an answer may show and a filter look at: the same without what is only ever taken in. */
  readonly shown: SchemaView
  /** What discovery lists (RFC 7643 §7), by whether the mount shows Rollcall's names at the top level. */
  readonly published: SchemaView
  readonly publishedFlat: SchemaView
  /** What the org declared; undefined where it declares nothing. */
  readonly custom: SchemaDefinition | undefined
}

/** The frozen standard schemas with what an org declared over them; nothing of it is known to the SCIM library. */
export function userViews(declared: readonly OrgAttribute[]): UserViews {
  const custom = customExtension(declared)
  const own = [...base.extensions, ...(custom === undefined ? [] : [custom])]
  const extendedBy = (...more: readonly SchemaDefinition[]): SchemaView =>
    Object.freeze({ ...base, extensions: Object.freeze([...own, ...more]) })
  const aliases = Object.freeze({ extension: ROLLCALL_EXTENSION, urns: Object.freeze([WANDB_URN]) })
  return Object.freeze({
    parsed: Object.freeze({ ...extendedBy(ROLLCALL_EXTENSION, TEAMS_EXTENSION), aliases }),
    shown: Object.freeze({ ...extendedBy(ROLLCALL_EXTENSION), aliases }),
    published: extendedBy(PUBLISHED_EXTENSION),
    publishedFlat: Object.freeze({ ...extendedBy(ROLLCALL_EXTENSION), core: FLAT_CORE }),
    custom,
  })
}

/** The schemas of people that a mount's discovery lists: with the names at the top level where it shows them. */
export function publishedAt({ published, publishedFlat }: UserViews, mount: Mount): SchemaView {
  return traitsOf(mount).topLevelNames ? publishedFlat : published
}
