import { valueAt } from './path.ts'

const FILL_IN = /\{\{([^}]+)\}\}/gu

/** Short names for the URNs of RFC 7643 §8.7, RFC 7644 §3, W&B's roles and the one Entra adds to groups, as `{{User}}`. */
export const URNS: Readonly<Record<string, string>> = {
  User: 'urn:ietf:params:scim:schemas:core:2.0:User',
  Group: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  Role: 'urn:ietf:params:scim:schemas:core:2.0:Role',
  Enterprise: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  ServiceProviderConfig: 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig',
  ResourceType: 'urn:ietf:params:scim:schemas:core:2.0:ResourceType',
  Schema: 'urn:ietf:params:scim:schemas:core:2.0:Schema',
  ListResponse: 'urn:ietf:params:scim:api:messages:2.0:ListResponse',
  PatchOp: 'urn:ietf:params:scim:api:messages:2.0:PatchOp',
  SearchRequest: 'urn:ietf:params:scim:api:messages:2.0:SearchRequest',
  BulkRequest: 'urn:ietf:params:scim:api:messages:2.0:BulkRequest',
  BulkResponse: 'urn:ietf:params:scim:api:messages:2.0:BulkResponse',
  Error: 'urn:ietf:params:scim:api:messages:2.0:Error',
  AdscimGroup: 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
}

/** `{{id:NAME}}` and its like: the kind of fill-in → where its value is in the answer saved as NAME. */
const SAVED_FIELDS: Readonly<Record<string, string>> = {
  id: 'id',
  version: 'meta.version',
  modified: 'meta.lastModified',
  cursor: 'nextCursor',
}

/**
 * A copy of `value` in which every `{{name}}` of every string, keys included, is replaced by what `lookUp` answers.
 * Other types pass unchanged.
 */
export function fillIn<T>(value: T, lookUp: (name: string) => string): T {
  return fill(value, lookUp) as T
}

function fill(value: unknown, lookUp: (name: string) => string): unknown {
  if (typeof value === 'string') return value.replace(FILL_IN, (_, name: string) => lookUp(name))
  if (Array.isArray(value)) return value.map((item) => fill(item, lookUp))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [fill(key, lookUp) as string, fill(item, lookUp)]),
  )
}

/** What a case has seen so far: the source of its fill-ins. */
export class Seen {
  readonly #rand: string
  readonly #answers = new Map<string, unknown>()
  #etag: string | undefined

  /** @param rand text that is unlike that of any other case or run; letters and digits only. */
  constructor(rand: string) {
    this.#rand = rand
  }

  /** Keeps the body of an answer under a name. */
  save(name: string, json: unknown): void {
    this.#answers.set(name, json)
  }

  noteEtag(etag: string | undefined): void {
    if (etag !== undefined) this.#etag = etag
  }

  /** @throws Error when no step saved an object under that name. */
  answer(name: string): Record<string, unknown> {
    const json = this.#answers.get(name)
    if (typeof json !== 'object' || json === null) throw new Error(`no earlier step saved an answer as "${name}"`)
    return json as Record<string, unknown>
  }

  /** @throws Error for a fill-in that nothing has given a value yet. */
  lookUp(name: string): string {
    if (name === 'rand') return this.#rand
    if (name === 'etag') {
      if (this.#etag === undefined) throw new Error('{{etag}}: no answer so far had an ETag')
      return this.#etag
    }
    const [kind = '', saved] = name.split(':', 2)
    const path = SAVED_FIELDS[kind]
    if (path !== undefined && saved !== undefined) {
      const value = valueAt(this.answer(saved), path)
      if (typeof value !== 'string') throw new Error(`{{${name}}}: the answer saved as "${saved}" has no ${path}`)
      return value
    }
    const urn = URNS[name]
    if (urn === undefined) throw new Error(`{{${name}}}: unknown fill-in`)
    return urn
  }
}
