import SCIMMY from 'scimmy'
import { RoleSchema } from './role-schema.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from './view.ts'

type ScimmyAttribute = SCIMMY.Types.Attribute
type ScimmySchema = SCIMMY.Types.SchemaDefinition

/** Where the library differs from RFC 7643 §8.7, or says less than it. Keys are `<schema name>.<attribute>[.<sub>]`. */
const CORRECTIONS: ReadonlyMap<string, Partial<AttributeDefinition>> = new Map<string, Partial<AttributeDefinition>>([
  ['common.schemas', { required: true, returned: 'always', description: 'URIs of the schemas the resource uses.' }],
  ['common.id', { description: 'Identifier of the resource, given by the service provider.' }],
  ['common.externalId', { description: 'Identifier of the resource as the provisioning client knows it.' }],
  ['common.meta', { required: false, description: 'Metadata the service provider keeps of the resource.' }],
  ['common.meta.resourceType', { description: 'Name of the resource type.' }],
  ['common.meta.created', { description: 'When the resource was added.' }],
  ['common.meta.lastModified', { description: 'When the resource was last changed.' }],
  [
    'common.meta.location',
    { type: 'reference', caseExact: true, referenceTypes: Object.freeze(['uri']), description: 'URI of the resource.' },
  ],
  ['common.meta.version', { caseExact: true, description: 'Version of the resource, equal to its ETag.' }],
  // A group's name is unique here, so the published schema says so.
  ['Group.displayName', { uniqueness: 'server' }],
  // Worked out by the server from the member, never stored as sent.
  ['Group.members.display', { mutability: 'readOnly' }],
  // Shown only while it names a live person of the org, so it is computed and never taken from a client.
  ['EnterpriseUser.manager.$ref', { mutability: 'readOnly' }],
  ['User.groups.$ref', { referenceTypes: Object.freeze(['Group']) }],
])

/** Attributes of RFC 7643 §3.1: the library mixes them among each schema's own. */
const COMMON = new Set(['schemas', 'id', 'externalId', 'meta'])

function mutabilityOf(config: ScimmyAttribute['config']): AttributeDefinition['mutability'] {
  if (config.direction === 'in') return 'writeOnly'
  const mutable: unknown = config.mutable
  if (mutable === 'immutable') return 'immutable'
  return mutable === false || config.direction === 'out' ? 'readOnly' : 'readWrite'
}

function returnedOf(returned: unknown): AttributeDefinition['returned'] {
  if (returned === false || returned === 'never') return 'never'
  return returned === 'always' || returned === 'request' ? returned : 'default'
}

function uniquenessOf(uniqueness: unknown): AttributeDefinition['uniqueness'] {
  return uniqueness === 'server' || uniqueness === 'global' ? uniqueness : 'none'
}

/** An empty list would refuse every value; canonical values are only suggestions anyway (RFC 7643 §7). */
function listOf(values: unknown): readonly string[] | undefined {
  return Array.isArray(values) && values.length > 0 ? Object.freeze(values.map(String)) : undefined
}

function toAttribute(source: ScimmyAttribute, owner: string): AttributeDefinition {
  const { config } = source
  const key = `${owner}.${source.name}`
  const canonicalValues = listOf(config.canonicalValues)
  const referenceTypes = listOf(config.referenceTypes)
  const subAttributes = source.subAttributes?.map((sub) => toAttribute(sub, key)) ?? []
  return Object.freeze({
    name: source.name,
    type: source.type,
    multiValued: config.multiValued === true,
    description: config.description ?? '',
    required: config.required === true,
    caseExact: config.caseExact === true,
    mutability: mutabilityOf(config),
    returned: returnedOf(config.returned),
    uniqueness: uniquenessOf(config.uniqueness),
    ...(canonicalValues === undefined ? {} : { canonicalValues }),
    ...(referenceTypes === undefined ? {} : { referenceTypes }),
    ...(source.type !== 'complex' ? {} : { subAttributes: Object.freeze(subAttributes) }),
    ...CORRECTIONS.get(key),
  })
}

/** The attributes of a library schema; schemas it was extended with stand in the same list and are left out. */
function attributesOf(source: ScimmySchema): ScimmyAttribute[] {
  return source.attributes.filter((entry) => entry instanceof SCIMMY.Types.Attribute)
}

function toSchema(source: ScimmySchema, owner: string): SchemaDefinition {
  const own = attributesOf(source).filter((attribute) => !COMMON.has(attribute.name))
  return Object.freeze({
    id: source.id,
    name: source.name,
    description: source.description,
    attributes: Object.freeze(own.map((attribute) => toAttribute(attribute, owner))),
  })
}

const common = Object.freeze(
  attributesOf(SCIMMY.Schemas.User.definition)
    .filter((attribute) => COMMON.has(attribute.name))
    .map((attribute) => toAttribute(attribute, 'common')),
)

const views: Readonly<Record<SchemaView['resourceType'], SchemaView>> = Object.freeze({
  User: Object.freeze({
    resourceType: 'User',
    core: toSchema(SCIMMY.Schemas.User.definition, 'User'),
    common,
    extensions: Object.freeze([toSchema(SCIMMY.Schemas.EnterpriseUser.definition, 'EnterpriseUser')]),
  }),
  Group: Object.freeze({
    resourceType: 'Group',
    core: toSchema(SCIMMY.Schemas.Group.definition, 'Group'),
    common,
    extensions: Object.freeze([]),
  }),
  Role: Object.freeze({
    resourceType: 'Role',
    core: toSchema(RoleSchema.definition, 'Role'),
    // Roles are made here or by a script; no directory has a name of its own for them.
    common: Object.freeze(common.filter(({ name }) => name !== 'externalId')),
    extensions: Object.freeze([]),
  }),
})

/**
 * The schemas every org sees, copied once from the SCIM library's definitions and frozen: characteristics as in
 * RFC 7643 §8.7, with canonical values as suggestions only (§7). User: core and enterprise; Group and Role: core.
 */
export function baseView(resourceType: SchemaView['resourceType']): SchemaView {
  return views[resourceType]
}
