import SCIMMY from 'scimmy'
import { PERMISSIONS, ROLE_BASES } from '../../domain/role.ts'
import { ROLE_URN } from '../../domain/schema-urns.ts'

const { Attribute, Schema, SchemaDefinition } = SCIMMY.Types

const definition = new SchemaDefinition(
  'Role',
  ROLE_URN,
  'Custom role: a built-in team role and permissions beyond it',
  [
    new Attribute('string', 'name', {
      required: true,
      caseExact: true,
      uniqueness: 'server',
      description: 'Name of the role. REQUIRED. Not that of a built-in role.',
    }),
    new Attribute('string', 'description', { description: 'What the role is for.' }),
    new Attribute('string', 'inheritedFrom', {
      required: true,
      canonicalValues: [...ROLE_BASES],
      description: 'The built-in role whose permissions this one has as well. REQUIRED.',
    }),
    new Attribute('string', 'organizationID', {
      mutable: false,
      caseExact: true,
      description: 'Identifier of the organization the role belongs to.',
    }),
    new Attribute(
      'complex',
      'permissions',
      { multiValued: true, uniqueness: false, description: 'Everything the role permits, inherited or added to it.' },
      [
        new Attribute('string', 'name', {
          required: true,
          caseExact: true,
          canonicalValues: [...PERMISSIONS],
          description: 'What is permitted, as object:operation.',
        }),
        new Attribute('boolean', 'isInherited', {
          mutable: false,
          description: 'Whether the permission comes from the built-in role; such a one cannot be removed.',
        }),
      ],
    ),
  ],
)

/** The schema of custom roles as W&B's clients know them; no RFC has one. */
export class RoleSchema extends Schema {
  static override get id(): string {
    return definition.id
  }

  static override get definition(): SCIMMY.Types.SchemaDefinition {
    return definition
  }
}
