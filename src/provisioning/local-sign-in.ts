import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { LocalPassword } from '../domain/local-sign-in.ts'
import type { Submitted } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireLocalWay } from './local-way.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** Wrong passwords in a row after which an account waits, and how long it then waits, in milliseconds. */
const FREE_ATTEMPTS = 10
const FIRST_WAIT = 30_000
const LONGEST_WAIT = 15 * 60_000

/** An attempt to sign in by password, counted before anybody knows whether it is right. */
export interface Attempt {
  /** Whose password it may be; undefined where nobody of that name may sign in so. */
  readonly user: UserId | undefined
  readonly hash: string | undefined
  /** Seconds until this account may be tried again; the password is not to be looked at before. */
  readonly wait: number | undefined
}

const NOBODY: Attempt = { user: undefined, hash: undefined, wait: undefined }

/**
 * Looks up whom a userName or address means, and counts the attempt.
 * @throws DomainError `forbidden` where the org asks for single sign-on and the account is no break-glass one
 */
export function beginAttempt(
  provisioning: Provisioning,
  caller: Caller,
  { name, isRestored }: { readonly name: string; readonly isRestored: boolean },
): Submitted<Attempt> {
  const { orgId } = caller
  const intent = { action: 'password.sign-in', subject: fold(name), targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const person = await findByName(stores, orgId, name)
    await requireLocalWay(stores, orgId, person?.id, isRestored)
    if (person?.status !== 'active' || person.accountType !== 'USER') return NOBODY
    const password = await stores.passwords.find(orgId, person.id)
    if (password === undefined) return NOBODY
    const wait = waitOf(password, stores.now)
    if (wait === undefined) await stores.passwords.attempted(orgId, person.id, stores.now)
    return { user: person.id, hash: password.hash, wait }
  })
}

/** Records an attempt that was wrong; the same account again within the hour is only counted. */
export async function refuseAttempt(
  { work, tally }: Provisioning,
  caller: Caller,
  { user, wait }: Attempt,
): Promise<void> {
  const reason = wait === undefined ? 'password.wrong' : 'password.too-many'
  const about = ['password.sign-in', user ?? '', reason] as const
  if (tally.repeated(caller, ...about)) return
  try {
    await work.submit(caller.orgId, (stores) =>
      stores.journal.append(caller.orgId, {
        action: 'password.sign-in',
        actor: caller.actor,
        request: caller.request,
        outcome: { result: 'refused', status: wait === undefined ? 401 : 429, reason },
        targets: user === undefined ? [] : [{ type: 'user', id: user }],
      }),
    ).durable
  } catch (error) {
    tally.forget(caller, ...about)
    throw error
  }
}

/** The live person of that userName, else the one person who has it as primary address. */
export async function findByName(stores: WriteStores, orgId: OrgId, name: string): Promise<User | undefined> {
  const named = await stores.users.nameHolder(orgId, name)
  if (named !== undefined) return named
  const [id, second] = await stores.users.byPrimaryEmail(orgId, name)
  return id === undefined || second !== undefined ? undefined : stores.users.find(orgId, id)
}

function waitOf({ failures, failedAt }: LocalPassword, now: number): number | undefined {
  if (failures < FREE_ATTEMPTS || failedAt === undefined) return undefined
  const wait = Math.min(FIRST_WAIT * 2 ** Math.min(failures - FREE_ATTEMPTS, 10), LONGEST_WAIT)
  const left = failedAt + wait - now
  return left > 0 ? Math.ceil(left / 1000) : undefined
}

/** A person's new password, hashed. */
export interface PasswordChange {
  readonly user: UserId
  readonly hash: string
  readonly isRestored: boolean
}

/**
 * Sets a password in place of the one before; every session of the person but the given one ends.
 * @throws DomainError `not-found`, `forbidden`
 */
export async function writePassword(
  stores: WriteStores,
  caller: Caller,
  { user, hash, isRestored }: PasswordChange,
): Promise<void> {
  const { orgId } = caller
  const person = await stores.users.find(orgId, user)
  if (person?.accountType !== 'USER') throw new DomainError('not-found', `User ${user} not found`)
  await requireLocalWay(stores, orgId, user, isRestored)
  await stores.passwords.set(orgId, user, hash, stores.now)
  await stores.journal.append(orgId, {
    action: 'password.set',
    actor: caller.actor,
    request: caller.request,
    outcome: { result: 'success' },
    targets: [{ type: 'user', id: user }],
  })
}
