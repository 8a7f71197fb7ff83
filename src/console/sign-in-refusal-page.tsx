import type { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import { SIGN_IN_REFUSALS } from '../domain/sign-in.ts'
import type { PageRequest } from './page-route.ts'
import type { ConsolePorts } from './ports.ts'
import { renderProblem } from './problem-page.tsx'

/** Whether somebody was proved to be who they are, and may not come in. */
export function isSignInRefusal({ reason, code }: DomainError): boolean {
  return SIGN_IN_REFUSALS.some((each) => each === reason) || code === 'seat-limit'
}

/** Says why, and whom to ask. */
export async function showSignInRefusal(
  { res, ports }: Pick<PageRequest, 'res' | 'ports'>,
  orgId: OrgId,
  { message }: DomainError,
): Promise<void> {
  const contact = await contactOf(ports, orgId)
  renderProblem(res, 403, `${message.endsWith('.') ? message : `${message}.`}${contact}`, 'You cannot sign in here yet')
}

async function contactOf({ reads }: ConsolePorts, orgId: OrgId): Promise<string> {
  const { contact } = (await reads.orgs.policy(orgId)).settings.signIn
  return contact === '' ? '' : ` Whom to ask: ${contact}.`
}
