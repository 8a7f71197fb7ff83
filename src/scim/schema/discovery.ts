import type { JsonObject } from '../../domain/json.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from './view.ts'

const CORE = 'urn:ietf:params:scim:schemas:core:2.0'
const LIST_RESPONSE = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

/** What the service can do, as ServiceProviderConfig announces it (RFC 7643 §5). */
export interface Abilities {
  /** Whether `sortBy` is honoured. */
  readonly sort: boolean
  /** Limits of POST /Bulk, payload in bytes; undefined: not offered. */
  readonly bulk?: { readonly maxOperations: number; readonly maxPayloadSize: number }
  /** The most resources of one page. */
  readonly maxResults: number
  /** Pages by cursor as well as by index, which stays what a request without either gets (RFC 9865 §4). */
  readonly pagination?: { readonly defaultPageSize: number; readonly cursorTimeout: number }
  /** URIs of the events that receivers can be told of (RFC 9967 §4). */
  readonly securityEvents?: readonly string[]
  readonly documentationUri?: string
}

/** The three ways a client may authenticate, the preferred one first. */
const AUTHENTICATION_SCHEMES: readonly JsonObject[] = [
  {
    type: 'oauthbearertoken',
    name: 'OAuth Bearer Token',
    description: 'A token made in Rollcall, or a JWT of a trusted issuer, in the Authorization header.',
    specUri: 'https://www.rfc-editor.org/info/rfc6750',
    primary: true,
  },
  {
    type: 'oauth2',
    name: 'OAuth 2.0 Client Credentials',
    description: "The connection's id and token, exchanged at POST /oauth/token for a short-lived access token.",
    specUri: 'https://www.rfc-editor.org/info/rfc6749',
  },
  {
    type: 'httpbasic',
    name: 'HTTP Basic',
    description: 'Any user name, and a token made in Rollcall as the password.',
    specUri: 'https://www.rfc-editor.org/info/rfc7617',
  },
]

function metaOf(resourceType: string, location: string): JsonObject {
  return { resourceType, location }
}

/** What RFC 9865 §4 adds; times in seconds. */
function paginationOf({ pagination, maxResults }: Abilities): JsonObject {
  if (pagination === undefined) return {}
  const { defaultPageSize, cursorTimeout } = pagination
  return {
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize,
      maxPageSize: maxResults,
      cursorTimeout,
    },
  }
}

/** What RFC 9967 §4 adds. No request is answered later by an event. */
function eventsOf({ securityEvents }: Abilities): JsonObject {
  return securityEvents === undefined ? {} : { securityEvents: { asyncRequest: 'none', eventUris: securityEvents } }
}

/**
 * The document of GET /ServiceProviderConfig (RFC 7643 §5).
 * @param base address of the mount, with no slash at the end
 */
export function serviceProviderConfig(base: string, abilities: Abilities): JsonObject {
  const { sort, bulk, maxResults, documentationUri } = abilities
  return {
    schemas: [`${CORE}:ServiceProviderConfig`],
    ...(documentationUri === undefined ? {} : { documentationUri }),
    patch: { supported: true },
    // Both numbers are REQUIRED, also where bulk is not offered.
    bulk: { supported: bulk !== undefined, ...(bulk ?? { maxOperations: 0, maxPayloadSize: 0 }) },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: sort },
    etag: { supported: true },
    ...paginationOf(abilities),
    ...eventsOf(abilities),
    authenticationSchemes: AUTHENTICATION_SCHEMES,
    meta: metaOf('ServiceProviderConfig', `${base}/ServiceProviderConfig`),
  }
}

const DESCRIPTIONS: Readonly<Record<SchemaView['resourceType'], string>> = {
  User: 'A person in the organization',
  Group: 'A group of people; every team is one',
  Role: 'A custom role: a built-in team role and permissions beyond it',
}

function resourceType(base: string, { resourceType: name, core, extensions }: SchemaView): JsonObject {
  return {
    schemas: [`${CORE}:ResourceType`],
    id: name,
    name,
    endpoint: `/${name}s`,
    description: DESCRIPTIONS[name],
    schema: core.id,
    ...(extensions.length === 0
      ? {}
      : { schemaExtensions: extensions.map(({ id }) => ({ schema: id, required: false })) }),
    meta: metaOf('ResourceType', `${base}/ResourceTypes/${name}`),
  }
}

/** Case means nothing to the other types, so §8.7 leaves it out there. */
const CASED: ReadonlySet<AttributeDefinition['type']> = new Set(['string', 'reference', 'binary'])

function describe(definition: AttributeDefinition): JsonObject {
  const { name, type, multiValued, description, required, caseExact, mutability, returned, uniqueness } = definition
  const { canonicalValues, referenceTypes, subAttributes } = definition
  return {
    name,
    type,
    ...(subAttributes === undefined ? {} : { subAttributes: subAttributes.map(describe) }),
    multiValued,
    description,
    required,
    ...(canonicalValues === undefined ? {} : { canonicalValues }),
    ...(CASED.has(type) ? { caseExact } : {}),
    mutability,
    returned,
    uniqueness,
    ...(referenceTypes === undefined ? {} : { referenceTypes }),
  }
}

function schemaDocument(base: string, { id, name, description, attributes }: SchemaDefinition): JsonObject {
  return {
    schemas: [`${CORE}:Schema`],
    id,
    name,
    description,
    attributes: attributes.map(describe),
    meta: metaOf('Schema', `${base}/Schemas/${id}`),
  }
}

/** One list that holds all there is (RFC 7644 §4: discovery is not paged). */
function listOf(resources: readonly JsonObject[]): JsonObject {
  return {
    schemas: [LIST_RESPONSE],
    totalResults: resources.length,
    startIndex: 1,
    itemsPerPage: resources.length,
    Resources: resources,
  }
}

function named(documents: readonly JsonObject[], id: string): JsonObject | undefined {
  const wanted = id.toLowerCase()
  return documents.find(({ id: each }) => typeof each === 'string' && each.toLowerCase() === wanted)
}

function allResourceTypes(base: string, views: readonly SchemaView[]): readonly JsonObject[] {
  return views.map((view) => resourceType(base, view))
}

function allSchemas(base: string, views: readonly SchemaView[]): readonly JsonObject[] {
  return views.flatMap(({ core, extensions }) => [core, ...extensions]).map((schema) => schemaDocument(base, schema))
}

/** The list of GET /ResourceTypes (RFC 7643 §6). @param base address of the mount, with no slash at the end */
export function listResourceTypes(base: string, views: readonly SchemaView[]): JsonObject {
  return listOf(allResourceTypes(base, views))
}

/** The document of GET /ResourceTypes/{id}, in any case; undefined for an unknown one. */
export function findResourceType(base: string, views: readonly SchemaView[], id: string): JsonObject | undefined {
  return named(allResourceTypes(base, views), id)
}

/** The list of GET /Schemas (RFC 7643 §7): the schemas of the resources. @param base as above */
export function listSchemas(base: string, views: readonly SchemaView[]): JsonObject {
  return listOf(allSchemas(base, views))
}

/** The document of GET /Schemas/{urn}, in any case (a URN compares so, RFC 8141 §3.1); undefined for an unknown one. */
export function findSchema(base: string, views: readonly SchemaView[], urn: string): JsonObject | undefined {
  return named(allSchemas(base, views), urn)
}
