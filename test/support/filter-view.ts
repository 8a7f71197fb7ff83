import type { AttributeType } from '../../src/domain/filter.ts'
import type { OrgAttribute, OrgAttributeType } from '../../src/domain/org-attribute.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import { userViews } from '../../src/scim/schema/user-view.ts'
import type { AttributeDefinition, SchemaView } from '../../src/scim/schema/view.ts'

/** An extension with the types that the standard schemas have no example of. */
export const EXTRA_URN = 'urn:example:params:extra:2.0:User'

function attribute(name: string, type: AttributeType, more: Partial<AttributeDefinition> = {}): AttributeDefinition {
  return {
    name,
    type,
    multiValued: false,
    description: name,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...more,
  }
}

function declared(name: string, type: OrgAttributeType, more: Partial<OrgAttribute> = {}): OrgAttribute {
  const caseExact = type === 'reference'
  return { name, type, multiValued: false, caseExact, description: name, state: 'live', ...more }
}

/** What the org of the population declared: every type, alone and with several values. */
export const DECLARED: readonly OrgAttribute[] = [
  declared('squad', 'string'),
  declared('badge', 'string', { caseExact: true }),
  declared('onCall', 'boolean'),
  declared('grade', 'integer'),
  declared('share', 'decimal'),
  declared('joined', 'dateTime'),
  declared('homepage', 'reference'),
  declared('skills', 'string', { multiValued: true }),
  declared('keys', 'string', { multiValued: true, caseExact: true }),
  declared('scores', 'decimal', { multiValued: true }),
  declared('reviews', 'dateTime', { multiValued: true }),
]

const CUSTOM = userViews(DECLARED).custom

/** The standard User with what the org declared, and one more extension that is read from the attributes' JSON. */
export const PEOPLE_VIEW: SchemaView = {
  ...baseView('User'),
  extensions: [
    ...baseView('User').extensions,
    ...(CUSTOM === undefined ? [] : [CUSTOM]),
    {
      id: EXTRA_URN,
      name: 'Extra',
      description: 'Extra',
      attributes: [
        attribute('level', 'integer'),
        attribute('ratio', 'decimal'),
        attribute('remote', 'boolean'),
        attribute('hired', 'dateTime'),
        attribute('code', 'string', { caseExact: true }),
        attribute('tags', 'string', { multiValued: true }),
        attribute('codes', 'string', { multiValued: true, caseExact: true }),
      ],
    },
  ],
}
