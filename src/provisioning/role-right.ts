import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { RoleId } from '../domain/ids.ts'
import { requireOrgAdmin } from './caller-right.ts'

/**
 * What a role permits is for administrators to say: scripts act with an administrator's key, an identity provider needs
 * the right to make administrators.
 * @throws DomainError `forbidden`
 */
export function checkMayWriteRoles(caller: Caller): void {
  const { connection, account } = caller
  if (account !== undefined) requireOrgAdmin(caller)
  if (connection === undefined || connection.kind === 'script' || connection.mayGrantAdmin) return
  throw new DomainError(
    'forbidden',
    `The connection "${connection.name}" may read custom roles but not change them; ask an administrator to let it grant administrator rights, or use a script connection`,
    { reason: 'role.not-allowed' },
  )
}

/**
 * One role a name in an org; names compare exactly.
 * @throws DomainError `uniqueness` naming the holder
 */
export async function checkRoleNameFree(
  stores: WriteStores,
  { orgId }: Caller,
  name: string,
  except?: RoleId,
): Promise<void> {
  const holder = await stores.roles.nameHolder(orgId, name)
  if (holder === undefined || holder === except) return
  throw new DomainError(
    'uniqueness',
    `The role ${holder} has this name already; change that role or choose another name`,
    {
      reason: 'role.name-taken',
      params: { holder },
    },
  )
}
