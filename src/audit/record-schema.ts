/** A commitment in the place of a personal value. */
const COMMITMENT = '^c1:[A-Za-z0-9_-]{43}$'

const id = { type: 'string', minLength: 1 }
const ids = { type: 'array', items: id, minItems: 1 }
const personal = { type: 'string', pattern: COMMITMENT }
const time = { type: 'string', format: 'date-time', pattern: 'Z$' }
const nothingOr = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })

/** A JSON object with exactly these members; those named last may be absent. */
function object(required: Readonly<Record<string, object>>, optional: Readonly<Record<string, object>> = {}): object {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  }
}

const actor = object(
  { type: { enum: ['idp', 'script', 'user', 'serviceAccount', 'system', 'cli'] } },
  { id, connectionId: id, tokenId: id, issuer: id, subject: id, onBehalfOf: id },
)
const target = object(
  { type: { type: 'string', pattern: '^[a-z][A-Za-z-]*$' }, id },
  { externalId: { type: 'string' }, display: { type: 'string' } },
)
const change = object({ path: id }, { old: {}, new: {}, added: ids, removed: ids })
const effect = object(
  {
    ...{ kind: { enum: ['active', 'org_role', 'seat', 'team'] }, target: { type: 'string' } },
    ...{ old: nothingOr(id), new: nothingOr(id), via: { type: 'string' }, people: ids },
  },
  { wanted: id },
)
const outcome = object(
  { result: { enum: ['success', 'noop', 'refused', 'staged', 'error'] } },
  { status: { type: 'integer' }, scimType: id, reason: id, params: { type: 'object' } },
)
const request = object({ id }, { method: id, route: id, bulkIndex: { type: 'integer', minimum: 0 }, idpRequestId: id })

/**
 * JSON Schema (2020-12) of the body of a record, version 1. Numbers are integers; names that people give are values in
 * lists, never keys; every personal value is a commitment: `c1:` and a base64url SHA-256.
 */
export const RECORD_SCHEMA: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:rollcall:schema:log-record:1',
  title: 'A record of the provisioning log',
  ...object(
    {
      ...{ action: { type: 'string', pattern: '^[a-z][A-Za-z]*\\.[a-z][A-Za-z]*$' }, actor, id, org: id, outcome },
      ...{ receivedAt: time, targets: { type: 'array', items: target }, v: { const: 1 } },
    },
    {
      ...{ cause: id, changes: { type: 'array', items: change, minItems: 1 } },
      client: object({}, { ip: { anyOf: [{ type: 'string' }, personal] }, userAgent: { type: 'string' } }),
      ...{ effects: { type: 'array', items: effect, minItems: 1 }, latencyUs: { type: 'integer', minimum: 0 } },
      ...{ request, steps: { type: 'array', items: { type: 'object' }, minItems: 1 } },
    },
  ),
}
