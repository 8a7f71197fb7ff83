import type { Caller } from '../domain/caller.ts'
import type { Scope } from '../domain/connection.ts'
import type { ResourceKind } from './endpoint.ts'

/** Refuses, by rejecting, a caller whose connection's scopes do not reach a kind of resource. */
export type RequireScope = (caller: Caller, scope: Scope) => Promise<void>

const SCOPES: Readonly<Record<ResourceKind, Scope>> = { User: 'users', Group: 'groups' }

/** The scope that a credential needs for a kind of resource. */
export function scopeOf(kind: ResourceKind): Scope {
  return SCOPES[kind]
}

/** Whether a caller's connection reaches a kind of resource. */
export function reaches({ connection }: Caller, kind: ResourceKind): boolean {
  return connection?.scopes.includes(scopeOf(kind)) ?? true
}
