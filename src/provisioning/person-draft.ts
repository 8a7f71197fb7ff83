import type { AccessWish, OrgRole } from '../domain/access.ts'
import { DomainError } from '../domain/errors.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { emailsOf, type UserAttributes, type UserState } from '../domain/user.ts'

/** What an admin says of a person; what is left out stays, null clears. */
export interface PersonDraft {
  readonly userName?: string | undefined
  readonly active?: boolean | undefined
  readonly displayName?: string | null | undefined
  readonly givenName?: string | null | undefined
  readonly familyName?: string | null | undefined
  /** The primary address. */
  readonly email?: string | null | undefined
  /** Null leaves it to rules and the org's default. */
  readonly orgRole?: OrgRole | null | undefined
  /** Product → full | viewer | none. */
  readonly seats?: Readonly<Record<string, string | null>> | undefined
}

const MAX_TEXT = 1_024
/** UTF-8 bytes in NFKC: what stands in an index must fit a row of it. */
const MAX_BYTES = 2_048

/**
 * The state of a person who is made.
 * @throws DomainError `invalid-value` for text that cannot be a name or address
 */
export function newState(draft: PersonDraft & { readonly userName: string }): UserState {
  const { userName, active = true } = draft
  return { active, externalId: undefined, attributes: attributesOf({ userName }, draft), wishes: wishesOf(draft) }
}

/**
 * The state of a person who is changed.
 * @throws DomainError `invalid-value` for text that cannot be a name or address
 */
export function changedState(current: UserState, draft: PersonDraft): UserState {
  const { userName, active = current.active } = draft
  const attributes = userName === undefined ? current.attributes : { ...current.attributes, userName }
  return { ...current, active, attributes: attributesOf(attributes, draft), wishes: wishesOf(draft) }
}

function checkTexts({ userName, displayName, givenName, familyName, email }: PersonDraft): void {
  for (const [path, text] of Object.entries({ userName, displayName, givenName, familyName, email })) {
    if (text === undefined || text === null) continue
    const problem =
      text.trim() === ''
        ? 'is empty'
        : text.length > MAX_TEXT || Buffer.byteLength(text.normalize('NFKC')) > MAX_BYTES
          ? 'is too long'
          : /[\p{Cc}\p{Surrogate}]/u.test(text)
            ? 'holds a control character or half of a surrogate pair'
            : undefined
    if (problem !== undefined) throw new DomainError('invalid-value', `${path} ${problem}`, { params: { path } })
  }
}

function attributesOf(attributes: UserAttributes, draft: PersonDraft): UserAttributes {
  checkTexts(draft)
  const { displayName, givenName, familyName, email } = draft
  let next = assigned(attributes, { displayName })
  if (givenName !== undefined || familyName !== undefined) {
    const { formatted: _stale, ...name } = (attributes['name'] ?? {}) as JsonObject
    const parts = assigned(name, { givenName, familyName })
    next = assigned(next, { name: Object.keys(parts).length === 0 ? null : parts })
  }
  if (email !== undefined) next = assigned(next, { emails: emailsWith(attributes, email) })
  return next as UserAttributes
}

/** The values that are given; null takes one away, undefined leaves it. */
function assigned(object: JsonObject, values: Readonly<Record<string, Json | undefined>>): JsonObject {
  const next: Record<string, Json | undefined> = { ...object }
  for (const [name, value] of Object.entries(values)) {
    if (value === null) delete next[name]
    else if (value !== undefined) next[name] = value
  }
  return next
}

/** Another primary address takes the place of the one before; further ones stay. */
function emailsWith(attributes: UserAttributes, email: string | null): Json {
  const before = emailsOf(attributes)
  const others = before.filter(({ primary, value }) => primary !== true && value !== email)
  const type = before.find(({ primary }) => primary === true)?.type ?? 'work'
  const emails = email === null ? others : [{ value: email, type, primary: true }, ...others]
  return emails.length === 0 ? null : emails
}

function wishesOf({ orgRole, seats = {} }: PersonDraft): readonly AccessWish[] {
  const wishes: AccessWish[] = Object.entries(seats).map(([product, value]) => ({
    ...{ kind: 'seat', product, value: value ?? undefined },
  }))
  if (orgRole !== undefined) wishes.push({ kind: 'org_role', value: orgRole ?? undefined })
  return wishes
}
