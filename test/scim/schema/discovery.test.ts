import { expect } from 'chai'
import { ENTERPRISE_URN, GROUP_URN, ROLE_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import { isJsonObject } from '../../../src/domain/json.ts'
import type { JsonObject } from '../../../src/domain/json.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import {
  findResourceType,
  findSchema,
  listResourceTypes,
  listSchemas,
  serviceProviderConfig,
} from '../../../src/scim/schema/discovery.ts'

const base = 'https://gateway.example/scim/v2'
const views = [baseView('User'), baseView('Group'), baseView('Role')]
const abilities = { sort: true, maxResults: 1_000 }

function nullsIn(value: unknown): number {
  if (value === null || value === undefined) return 1
  return typeof value === 'object' ? Object.values(value).reduce((sum: number, each) => sum + nullsIn(each), 0) : 0
}

function attributesOf(document: JsonObject | undefined): Map<unknown, JsonObject> {
  const list = document?.['attributes']
  if (!Array.isArray(list)) throw new Error('no attributes')
  return new Map((list as unknown[]).filter(isJsonObject).map((each) => [each['name'], each]))
}

describe('the service provider configuration', () => {
  it('says what is there and where it is (RFC 7643 §5)', () => {
    expect(serviceProviderConfig(base, abilities)).to.deep.include({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: { supported: true },
      bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: 1_000 },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
    })
  })

  it('takes sort, bulk and the documentation as told', () => {
    const bulk = { maxOperations: 1_000, maxPayloadSize: 16_777_216 }
    const config = serviceProviderConfig(base, {
      sort: false,
      maxResults: 9,
      bulk,
      documentationUri: 'https://d.example',
    })
    expect(config).to.deep.include({ sort: { supported: false }, bulk: { supported: true, ...bulk } })
    expect(config['documentationUri']).to.equal('https://d.example')
  })

  it('names the ways to authenticate, one of them primary (RFC 7643 §5)', () => {
    const schemes = serviceProviderConfig(base, abilities)['authenticationSchemes'] as JsonObject[]
    expect(schemes.map(({ type }) => type)).to.deep.equal(['oauthbearertoken', 'oauth2', 'httpbasic'])
    expect(schemes.filter(({ primary }) => primary === true)).to.have.length(1)
    for (const scheme of schemes) expect(scheme).to.include.keys('type', 'name', 'description')
  })
})

describe('resource types', () => {
  it('are User with the enterprise extension, Group, and Role for custom roles (RFC 7643 §6)', () => {
    const list = listResourceTypes(base, views)
    expect(list).to.deep.include({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 3,
      startIndex: 1,
      itemsPerPage: 3,
    })
    expect(findResourceType(base, views, 'user')).to.deep.include({
      id: 'User',
      endpoint: '/Users',
      schema: USER_URN,
      schemaExtensions: [{ schema: ENTERPRISE_URN, required: false }],
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/User` },
    })
    expect(findResourceType(base, views, 'Group')).to.not.have.property('schemaExtensions')
    expect(findResourceType(base, views, 'role')).to.deep.include({ endpoint: '/Roles', schema: ROLE_URN })
    expect(findResourceType(base, views, 'Spaceship')).to.equal(undefined)
  })
})

describe('schemas', () => {
  it('are those of the resources, each with its location (RFC 7643 §7)', () => {
    const list = listSchemas(base, views)
    const resources = list['Resources'] as JsonObject[]
    expect(list['totalResults']).to.equal(4)
    expect(resources.map(({ id }) => id)).to.deep.equal([USER_URN, ENTERPRISE_URN, GROUP_URN, ROLE_URN])
    for (const { id, meta } of resources) {
      expect(meta).to.deep.equal({ resourceType: 'Schema', location: `${base}/Schemas/${id as string}` })
    }
  })

  it('are found by URN in any case, and no other text (RFC 8141 §3.1)', () => {
    expect(findSchema(base, views, USER_URN.toUpperCase())?.['id']).to.equal(USER_URN)
    for (const urn of ['urn:nope', '', '__proto__', 'User']) expect(findSchema(base, views, urn)).to.equal(undefined)
  })

  it('hold no null, which Entra ID refuses', () => {
    for (const document of [listSchemas(base, views), listResourceTypes(base, views)]) {
      expect(nullsIn(document)).to.equal(0)
    }
    expect(nullsIn(serviceProviderConfig(base, abilities))).to.equal(0)
  })

  it('give every attribute its characteristics in camelCase words (RFC 7643 §7)', () => {
    const user = attributesOf(findSchema(base, views, USER_URN))
    expect(user.get('userName')).to.deep.include({
      uniqueness: 'server',
      required: true,
      caseExact: false,
      type: 'string',
    })
    expect(user.get('password')).to.deep.include({ returned: 'never', mutability: 'writeOnly' })
    expect(user.get('groups')).to.deep.include({ mutability: 'readOnly', multiValued: true })
    expect(user.get('active')).to.not.have.property('caseExact')
    expect(user.has('id')).to.equal(false)
    const walk = (attributes: Iterable<JsonObject>): void => {
      for (const each of attributes) {
        expect(each).to.include.keys('name', 'type', 'multiValued', 'description', 'required', 'mutability')
        expect(each).to.include.keys('returned', 'uniqueness')
        expect(each['description'], each['name'] as string).to.not.equal('')
        if (each['type'] === 'reference') expect(each['referenceTypes']).to.not.have.length(0)
        if (each['type'] === 'complex') walk(each['subAttributes'] as JsonObject[])
      }
    }
    for (const urn of [USER_URN, GROUP_URN, ENTERPRISE_URN]) walk(attributesOf(findSchema(base, views, urn)).values())
  })
})
