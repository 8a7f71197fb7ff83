import { DomainError } from './errors.ts'
import { isJsonObject, type Json } from './json.ts'
import { CUSTOM_URN } from './schema-urns.ts'
import type { UserAttributes } from './user.ts'

/** The types an org may give an attribute of its own (RFC 7643 §2.3); complex and binary ones are not offered. */
export const ORG_ATTRIBUTE_TYPES = ['string', 'boolean', 'integer', 'decimal', 'dateTime', 'reference'] as const

export type OrgAttributeType = (typeof ORG_ATTRIBUTE_TYPES)[number]

/** How many attributes an org may declare, those being removed included. */
export const MAX_ORG_ATTRIBUTES = 50

/** An attribute of people that one org declared, under {@link CUSTOM_URN}. */
export interface OrgAttribute {
  /** Unique in its org in any case; the spelling is the one it was declared with. */
  readonly name: string
  readonly type: OrgAttributeType
  readonly multiValued: boolean
  /** Only text can be; a reference always is (RFC 7643 §2.3.7). */
  readonly caseExact: boolean
  readonly description: string
  /** `removing`: shown to nobody any more, while the values people have of it are being cleared. */
  readonly state: 'live' | 'removing'
}

/** The attributes of an org at one moment. */
export interface OrgAttributes {
  /** Grows with every declaration, change and removal; 0 where nothing was ever declared. */
  readonly version: number
  /** In the order of their names, those being removed included. */
  readonly attributes: readonly OrgAttribute[]
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/

/**
 * Checks the name of a new attribute (RFC 7643 §2.1).
 * @throws DomainError `invalid-value`
 */
export function checkAttributeName(name: string): void {
  if (!NAME.test(name)) {
    throw refused('name', 'An attribute name begins with a letter and has up to 64 letters, digits, "-" and "_"')
  }
  // Such a key of a JSON object is there already before anything was put into it.
  if (name in Object.prototype) throw refused('name', `"${name}" is reserved; choose another name`)
}

/** The most characters of a description. */
const MAX_DESCRIPTION = 1_000

/**
 * Checks what a new attribute is to be, its name apart.
 * @throws DomainError `invalid-value`
 */
export function checkAttribute({ name, type, caseExact, description }: OrgAttribute): void {
  if (!ORG_ATTRIBUTE_TYPES.includes(type)) {
    throw refused('type', `The type of "${name}" must be one of ${ORG_ATTRIBUTE_TYPES.join(', ')}`)
  }
  if (caseExact && type !== 'string' && type !== 'reference') {
    throw refused('caseExact', `"${name}" is a ${type}; only text can be compared with its case`)
  }
  if (!caseExact && type === 'reference') {
    throw refused('caseExact', `"${name}" is a reference, which is always compared with its case (RFC 7643 §2.3.7)`)
  }
  if (description.length > MAX_DESCRIPTION || /[\p{Cc}\p{Surrogate}]/u.test(description)) {
    throw refused('description', `A description has up to ${MAX_DESCRIPTION} characters and no control characters`)
  }
}

function refused(path: string, message: string): DomainError {
  return new DomainError('invalid-value', message, { reason: `attribute.bad-${path}`, params: { path } })
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function isOfType(type: OrgAttributeType, value: Json): boolean {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isSafeInteger(value)
    case 'decimal':
      return Number.isFinite(value)
    case 'dateTime':
      return typeof value === 'string' && INSTANT.test(value)
    case 'string':
    case 'reference':
      return typeof value === 'string'
  }
}

/** Whether a value in canonical form is one of the attribute. */
function fits({ type, multiValued }: OrgAttribute, value: Json): boolean {
  if (!multiValued) return isOfType(type, value)
  return Array.isArray(value) && value.every((each: Json) => isOfType(type, each))
}

/**
 * The attributes of a person with only those values of the org's own attributes that are declared: what was read by an
 * older declaration than the one in force is dropped, as an unknown name is. The same object where nothing is dropped.
 */
export function declaredOnly(attributes: UserAttributes, declared: readonly OrgAttribute[]): UserAttributes {
  const { [CUSTOM_URN]: custom, ...rest } = attributes
  if (!isJsonObject(custom)) return attributes
  const live = new Map(declared.filter(({ state }) => state === 'live').map((each) => [each.name, each]))
  const entries = Object.entries(custom)
  const kept = entries.filter(([name, value]) => {
    const attribute = live.get(name)
    return attribute !== undefined && value !== undefined && fits(attribute, value)
  })
  if (kept.length === entries.length) return attributes
  const userName = attributes.userName
  return { ...rest, userName, ...(kept.length === 0 ? {} : { [CUSTOM_URN]: Object.fromEntries(kept) }) }
}
