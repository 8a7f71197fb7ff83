import type { Caller } from '../domain/caller.ts'
import type { Scope } from '../domain/connection.ts'
import type { ResourceKind } from './endpoint.ts'

/** Refuses, by rejecting, a caller whose connection's scopes do not reach a kind of resource. */
export type RequireScope = (caller: Caller, scope: Scope) => Promise<void>

/** Roles say what people may do in teams, so they take both. */
const SCOPES: Readonly<Record<ResourceKind, readonly Scope[]>> = {
  User: ['users'],
  Group: ['groups'],
  Role: ['users', 'groups'],
}

/** The scopes that a credential needs for a kind of resource. */
export function scopesOf(kind: ResourceKind): readonly Scope[] {
  return SCOPES[kind]
}

/** Whether a caller's connection reaches a kind of resource. */
export function reaches({ connection }: Caller, kind: ResourceKind): boolean {
  return connection === undefined || scopesOf(kind).every((scope) => connection.scopes.includes(scope))
}
