import { expect } from 'chai'
import { ENTERPRISE_URN, GROUP_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { attributeNamed, extensionNamed, topLevelNamed } from '../../../src/scim/schema/view.ts'
import type { AttributeDefinition, SchemaView } from '../../../src/scim/schema/view.ts'

function at(view: SchemaView, path: string): AttributeDefinition {
  const [first = '', sub] = path.split('.')
  const attribute = topLevelNamed(view, first) ?? attributeNamed(view.extensions[0]?.attributes ?? [], first)
  const found = sub === undefined ? attribute : attributeNamed(attribute?.subAttributes ?? [], sub)
  if (found === undefined) throw new Error(`no ${path}`)
  return found
}

const user = baseView('User')
const group = baseView('Group')

describe('the base view of schemas', () => {
  it('has the core schema of each type and the enterprise extension of User (RFC 7643 §8.7.1)', () => {
    expect([user.core.id, ...user.extensions.map(({ id }) => id)]).to.deep.equal([USER_URN, ENTERPRISE_URN])
    expect([group.core.id, ...group.extensions.map(({ id }) => id)]).to.deep.equal([GROUP_URN])
  })

  it('lists the attributes of RFC 7643 §4.1, §4.2 and §4.3, the common ones apart (§3.1)', () => {
    const names = (list: readonly AttributeDefinition[] | undefined) => list?.map(({ name }) => name).sort()
    expect(names(user.core.attributes)).to.deep.equal(
      (
        'active addresses displayName emails entitlements groups ims locale name nickName password phoneNumbers ' +
        'photos preferredLanguage profileUrl roles timezone title userName userType x509Certificates'
      ).split(' '),
    )
    expect(names(group.core.attributes)).to.deep.equal(['displayName', 'members'])
    expect(names(user.extensions[0]?.attributes)).to.deep.equal(
      'costCenter department division employeeNumber manager organization'.split(' '),
    )
    for (const view of [user, group]) {
      expect(names(view.common)).to.deep.equal(['externalId', 'id', 'meta', 'schemas'])
    }
  })

  const characteristics: readonly [SchemaView, string, Partial<AttributeDefinition>, string][] = [
    [user, 'userName', { required: true, caseExact: false, uniqueness: 'server', returned: 'default' }, '§8.7.1'],
    [user, 'id', { caseExact: true, mutability: 'readOnly', returned: 'always' }, '§3.1'],
    [user, 'externalId', { caseExact: true, mutability: 'readWrite', type: 'string' }, '§3.1'],
    [user, 'schemas', { returned: 'always', multiValued: true }, '§3'],
    [user, 'meta', { mutability: 'readOnly', type: 'complex' }, '§3.1'],
    [user, 'meta.created', { mutability: 'readOnly', type: 'dateTime' }, '§3.1'],
    [user, 'meta.location', { mutability: 'readOnly', type: 'reference' }, '§3.1'],
    [user, 'meta.version', { mutability: 'readOnly', caseExact: true }, '§3.1'],
    [user, 'password', { mutability: 'writeOnly', returned: 'never' }, '§8.7.1'],
    [user, 'active', { type: 'boolean', mutability: 'readWrite' }, '§8.7.1'],
    [user, 'groups', { mutability: 'readOnly', multiValued: true }, '§8.7.1'],
    [user, 'groups.value', { mutability: 'readOnly' }, '§8.7.1'],
    [user, 'groups.$ref', { mutability: 'readOnly', type: 'reference' }, '§8.7.1'],
    [user, 'groups.type', { mutability: 'readOnly', canonicalValues: ['direct', 'indirect'] }, '§8.7.1'],
    [user, 'emails.type', { canonicalValues: ['work', 'home', 'other'] }, '§8.7.1'],
    [user, 'roles.value', { type: 'string', mutability: 'readWrite' }, '§8.7.1'],
    [user, 'entitlements.primary', { type: 'boolean' }, '§8.7.1'],
    [user, 'x509Certificates.value', { type: 'binary', caseExact: true }, '§2.3.6'],
    [user, 'photos.value', { type: 'reference', referenceTypes: ['external'] }, '§8.7.1'],
    [user, 'manager.displayName', { mutability: 'readOnly' }, '§8.7.1'],
    [group, 'displayName', { required: true, uniqueness: 'server' }, '§4.2'],
    [group, 'members.value', { mutability: 'immutable', type: 'string' }, '§8.7.1'],
    [group, 'members.$ref', { mutability: 'immutable', referenceTypes: ['User', 'Group'] }, '§8.7.1'],
    [group, 'members.type', { mutability: 'immutable', canonicalValues: ['User', 'Group'] }, '§8.7.1'],
  ]
  for (const [view, path, wanted, source] of characteristics) {
    it(`gives ${view.resourceType} ${path} its characteristics (RFC 7643 ${source})`, () => {
      expect(at(view, path)).to.include.deep.keys(Object.keys(wanted))
      for (const [key, value] of Object.entries(wanted)) {
        expect(at(view, path)[key as keyof AttributeDefinition], key).to.deep.equal(value)
      }
    })
  }

  it('has no empty list of canonical values, which would read as "nothing is allowed" (RFC 7643 §7)', () => {
    expect(at(user, 'roles.type')).to.not.have.property('canonicalValues')
    expect(at(user, 'x509Certificates.type')).to.not.have.property('canonicalValues')
  })

  it('is frozen all through, since every org shares it', () => {
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      expect(Object.isFrozen(value)).to.equal(true)
      Object.values(value).forEach(walk)
    }
    walk(user)
    walk(group)
    expect(baseView('User')).to.equal(user)
  })

  it('finds names and URNs in any case (RFC 7643 §2.1)', () => {
    expect(topLevelNamed(user, 'USERNAME')?.name).to.equal('userName')
    expect(topLevelNamed(user, 'ExternalID')?.name).to.equal('externalId')
    expect(extensionNamed(user, ENTERPRISE_URN.toUpperCase())?.id).to.equal(ENTERPRISE_URN)
  })

  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    it(`knows no attribute ${JSON.stringify(name)}`, () => {
      expect(topLevelNamed(user, name)).to.equal(undefined)
      expect(extensionNamed(user, name)).to.equal(undefined)
    })
  }
})
