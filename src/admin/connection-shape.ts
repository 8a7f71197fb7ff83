import { z } from 'zod'
import type { Connection, ConnectionToken, JwtTrust } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { TrustDraft } from '../provisioning/connection-trusts.ts'
import type { AdminPorts } from './ports.ts'
import { maybeTime, shownTime, textOf, time } from './route.ts'

const scopes = z.array(z.enum(['users', 'groups']))

/** A token of a connection, without its text. */
export const token = z.object({
  ...{ id: z.uuid(), origin: z.enum(['minted', 'bootstrap']), created: time, expires: time.nullable() },
  ...{ lastUsed: time.nullable(), revoked: time.nullable() },
})

export const connection = z.object({
  ...{ id: z.uuid(), name: z.string(), kind: z.enum(['idp', 'script']), status: z.enum(['active', 'revoked']) },
  ...{ mayGrantAdmin: z.boolean(), scopes, created: time, version: z.number().int() },
  tokens: z.array(token),
})

/** Trust in an issuer's JWTs. */
export const trust = z.object({
  ...{ id: z.uuid(), issuer: z.string(), audience: z.string(), jwksUri: z.string().nullable() },
  ...{ pins: z.record(z.string(), z.string()), longLived: z.boolean() },
})

/** A trust to be made. */
export const newTrust = z.strictObject({
  issuer: z.string().min(1).max(2048).meta({ description: 'Exactly as in the iss of the JWTs' }),
  audience: z.string().min(1).max(2048),
  jwksUri: z.url().max(2048).optional().meta({ description: 'Else from the discovery document of the issuer' }),
  pins: z.record(z.string().min(1).max(128), z.string().max(2048)).default({}),
  longLived: z.boolean().default(false),
})

/** What a new connection is made of. */
export const newConnection = z
  .strictObject({
    name: textOf(200),
    kind: z.enum(['idp', 'script']).default('idp'),
    mayGrantAdmin: z.boolean().default(false),
    scopes: scopes.default(['users', 'groups']),
    trust: newTrust.optional().meta({ description: "Trust in the identity provider's JWTs" }),
  })
  .meta({ examples: [{ name: 'okta' }] })

/** The trust that a body asks for. @throws DomainError `invalid-value` where no JWT, or too many, would satisfy it */
export function trustOf(ports: AdminPorts, stated: z.output<typeof newTrust>, path: string): TrustDraft {
  const { issuer, audience, jwksUri, pins, longLived } = stated
  const draft = { issuer, audience, jwksUri, pins, algorithms: [], longLived }
  const problem = ports.trustProblem(draft)
  if (problem !== undefined) throw new DomainError('invalid-value', problem, { params: { path } })
  return draft
}

export function shownTrust({ id, issuer, audience, jwksUri, pins, longLived }: JwtTrust): z.input<typeof trust> {
  const shown = Object.fromEntries(
    Object.entries(pins).map(([claim, value]) => [claim, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
  return { id, issuer, audience, jwksUri: jwksUri ?? null, pins: shown, longLived }
}

/** @throws DomainError `not-found` */
export async function getConnection({ reads }: AdminPorts, orgId: OrgId, id: string): Promise<Connection> {
  const found = (await reads.orgs.connections(orgId)).find((each) => each.id === id)
  if (found === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
  return found
}

/** @param tokens those of all connections of the org */
export function shownConnection(one: Connection, tokens: readonly ConnectionToken[]): z.input<typeof connection> {
  const { id, name, kind, status, mayGrantAdmin, created, version } = one
  return {
    ...{ id, name, kind, status, mayGrantAdmin, scopes: [...one.scopes], created: shownTime(created), version },
    tokens: tokens.filter(({ connectionId }) => connectionId === id).map(shownToken),
  }
}

export function shownToken({
  id,
  origin,
  created,
  expires,
  lastUsed,
  revoked,
}: ConnectionToken): z.input<typeof token> {
  return {
    ...{ id, origin, created: shownTime(created), expires: maybeTime(expires) },
    ...{ lastUsed: maybeTime(lastUsed), revoked: maybeTime(revoked) },
  }
}
