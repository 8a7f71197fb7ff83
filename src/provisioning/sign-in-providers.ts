import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { type ConnectionId, newId, type ProviderId } from '../domain/ids.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import type { ProviderKind } from '../domain/sign-in.ts'
import type { SignInProvider, StoredProvider } from '../domain/sign-in-provider.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { checkVersion } from './version-check.ts'
import { valueChanges } from './value-changes.ts'

const MAX_NAME = 100
const MAX_PROVIDERS = 20

/** A provider to be made. Its config was checked by whoever knows the protocol. */
export interface ProviderDraft {
  readonly kind: ProviderKind
  readonly name: string
  readonly enabled?: boolean | undefined
  readonly config: JsonObject
  /** Wrapped by the master key. */
  readonly sealedSecret?: Uint8Array | undefined
  readonly origin?: SignInProvider['origin'] | undefined
}

/** What an admin wants of a provider; what is absent stays. A secret of null is forgotten. */
export interface ProviderChange {
  readonly name?: string | undefined
  readonly enabled?: boolean | undefined
  readonly config?: JsonObject | undefined
  readonly sealedSecret?: Uint8Array | null | undefined
  /** Versions of `If-Match` as text, or `['*']`. */
  readonly ifMatch?: readonly string[] | undefined
}

/**
 * Makes a way for the people of an org to sign in. The environment's is made once: where it is there, it is given back.
 * @throws DomainError `forbidden`, `uniqueness` for a taken name, `invalid-value`, `too-many`
 */
export function createProvider(
  provisioning: Provisioning,
  caller: Caller,
  draft: ProviderDraft,
): Submitted<SignInProvider> {
  const { orgId, request } = caller
  const id = newId<ProviderId>(request.receivedAt)
  const targets = [{ type: 'provider', id }] as const
  return submitChange(provisioning, caller, { action: 'provider.create', subject: id, targets }, async (stores) => {
    requireOrgAdmin(caller)
    checkName(draft.name)
    const present = await stores.providers.list(orgId)
    if (draft.origin === 'environment') {
      // Of instances that start at once, one makes it, and the others find it under the lock.
      const made = present.find(({ kind, origin }) => kind === draft.kind && origin === 'environment')
      if (made !== undefined) return made
    }
    if (present.length >= MAX_PROVIDERS) {
      throw new DomainError(
        'too-many',
        `An organisation has at most ${MAX_PROVIDERS} ways to sign in; remove one first`,
      )
    }
    const { kind, name, config, sealedSecret, enabled = true, origin = 'made' } = draft
    const provider: StoredProvider = {
      ...{ orgId, id, kind, name: name.trim(), enabled, origin, config, sealedSecret },
      ...{ hasSecret: sealedSecret !== undefined, version: 1, created: stores.now },
    }
    await stores.providers.insert(orgId, provider)
    await stores.journal.append(orgId, {
      ...{ action: 'provider.create', actor: caller.actor, request, outcome: { result: 'success' } },
      targets: [{ ...targets[0], display: provider.name }],
      changes: changesOf(undefined, provider),
    })
    return shown(provider)
  })
}

/**
 * Changes a provider. What a secret was or is stands in no record; that it changed does.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`, `uniqueness`, `invalid-value`
 */
export function changeProvider(
  provisioning: Provisioning,
  caller: Caller,
  id: ProviderId,
  change: ProviderChange,
): Submitted<Changed<SignInProvider>> {
  const { orgId, request } = caller
  const targets = [{ type: 'provider', id }] as const
  return submitChange(provisioning, caller, { action: 'provider.update', subject: id, targets }, async (stores) => {
    requireOrgAdmin(caller)
    const before = await stores.providers.find(orgId, id)
    if (before === undefined) throw noSuchProvider(id)
    checkVersion(before.version, change.ifMatch)
    if (change.name !== undefined) checkName(change.name)
    const sealedSecret = change.sealedSecret === undefined ? before.sealedSecret : (change.sealedSecret ?? undefined)
    const after: StoredProvider = {
      ...before,
      name: change.name?.trim() ?? before.name,
      enabled: change.enabled ?? before.enabled,
      config: change.config ?? before.config,
      ...{ sealedSecret, hasSecret: sealedSecret !== undefined, version: before.version + 1 },
    }
    const changes = changesOf(before, after)
    if (changes.length === 0) {
      provisioning.tally.noop(caller, 'provider.update', id)
      return { value: shown(before), changed: false }
    }
    await stores.providers.update(orgId, after, stores.now)
    await stores.journal.append(orgId, {
      ...{ action: 'provider.update', actor: caller.actor, request, outcome: { result: 'success' } },
      ...{ targets: [{ ...targets[0], display: after.name }], changes },
    })
    return { value: shown(after), changed: true }
  })
}

/**
 * Ends a way to sign in, and the pairing of connections with it. Sessions go on until they end; who people are there
 * stays known.
 * @throws DomainError `not-found`, `forbidden`
 */
export function removeProvider(provisioning: Provisioning, caller: Caller, id: ProviderId): Submitted<void> {
  const { orgId, request, actor } = caller
  const targets = [{ type: 'provider', id }] as const
  return submitChange(provisioning, caller, { action: 'provider.delete', subject: id, targets }, async (stores) => {
    requireOrgAdmin(caller)
    const provider = await stores.providers.find(orgId, id)
    if (provider === undefined) throw noSuchProvider(id)
    const unpaired = await stores.providers.remove(orgId, id)
    await stores.journal.append(orgId, {
      ...{ action: 'provider.delete', actor, request, outcome: { result: 'success' } },
      targets: [
        { ...targets[0], display: provider.name },
        ...unpaired.map((connection) => ({ type: 'connection' as const, id: connection })),
      ],
    })
  })
}

/**
 * Pairs a connection with the provider by which those it pushes sign in, or ends that: who signs in there first is then
 * linked to whom the connection pushed, admins too, with no address compared.
 * @throws DomainError `not-found`, `forbidden`, `invalid-value` for a connection of scripts
 */
export function pairConnection(
  provisioning: Provisioning,
  caller: Caller,
  id: ConnectionId,
  provider: ProviderId | undefined,
): Submitted<boolean> {
  const { orgId, request, actor } = caller
  const targets = [{ type: 'connection', id }] as const
  return submitChange(provisioning, caller, { action: 'connection.pair', subject: id, targets }, async (stores) => {
    requireOrgAdmin(caller)
    const connection = await stores.orgs.connection(orgId, id)
    if (connection?.status !== 'active') throw new DomainError('not-found', `Connection ${id} not found`)
    if (connection.kind !== 'idp') {
      throw new DomainError('invalid-value', 'A connection of scripts owns nobody; pair the one your IdP pushes with')
    }
    const found = provider === undefined ? undefined : await stores.providers.find(orgId, provider)
    if (provider !== undefined && found === undefined) throw noSuchProvider(provider)
    const before = await stores.providers.pairedWith(orgId, id)
    if (before === provider) {
      provisioning.tally.noop(caller, 'connection.pair', id)
      return false
    }
    await stores.providers.pair(orgId, id, provider)
    await stores.journal.append(orgId, {
      ...{ action: 'connection.pair', actor, request, outcome: { result: 'success' } },
      targets: [
        { ...targets[0], display: connection.name },
        ...(found === undefined ? [] : [{ type: 'provider', id: found.id, display: found.name } as const]),
      ],
      changes: [{ path: 'signInProvider', old: before ?? null, new: provider ?? null }],
    })
    return true
  })
}

/** There is no provider of that id in the org. */
export function noSuchProvider(id: string): DomainError {
  return new DomainError('not-found', `Sign-in provider ${id} not found`)
}

function shown({ sealedSecret: _sealed, ...provider }: StoredProvider): SignInProvider {
  return provider
}

function checkName(name: string): void {
  const trimmed = name.trim()
  if (trimmed !== '' && trimmed.length <= MAX_NAME && !/[\p{Cc}\p{Surrogate}]/u.test(trimmed)) return
  throw new DomainError('invalid-value', `name: it is one line of 1 to ${MAX_NAME} characters`, {
    params: { path: 'name' },
  })
}

/** Names, switches and config in clear; of the secret only that there is another. */
function changesOf(before: StoredProvider | undefined, after: StoredProvider): readonly RecordChange[] {
  const values = (provider: StoredProvider | undefined): Readonly<Record<string, Json | undefined>> => ({
    ...{ name: provider?.name, enabled: provider?.enabled },
    // User-given names are values, in lists; the hashed text holds no others as keys.
    config: provider && Object.entries(provider.config).map(([name, value]) => [name, JSON.stringify(value)]),
  })
  const changes = valueChanges(values(before), values(after))
  const [was, is] = [before?.sealedSecret, after.sealedSecret]
  return was === is ? changes : [...changes, { path: 'secret', old: was !== undefined, new: is !== undefined }]
}
