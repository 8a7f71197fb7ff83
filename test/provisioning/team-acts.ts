import type { Caller } from '../../src/domain/caller.ts'
import type { Group } from '../../src/domain/group.ts'
import type { GroupId } from '../../src/domain/ids.ts'
import type { Team } from '../../src/domain/team.ts'
import type { User } from '../../src/domain/user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createTeam, type TeamDraft } from '../../src/provisioning/create-team.ts'
import {
  addTeamMember,
  changeTeamMember,
  type TeamMemberPlan,
  type TeamMemberState,
} from '../../src/provisioning/team-members.ts'
import { operatorOf } from '../support/callers.ts'
import type { Tenant } from '../support/tenant.ts'

/** What tests of teams do, as the local operator where they name nobody. */
export interface TeamActs {
  readonly create: (draft: TeamDraft, caller?: Caller) => Promise<Team>
  readonly add: (id: GroupId, plan: TeamMemberPlan, caller?: Caller) => Promise<TeamMemberState>
  readonly give: (
    id: GroupId,
    plan: TeamMemberPlan & { readonly successor?: string },
    caller?: Caller,
  ) => Promise<TeamMemberState>
  /** A group of the identity provider, with its team. */
  readonly push: (displayName: string, people: readonly User[], externalId?: string) => Promise<Group>
}

/** @param tenant the org of the test that runs */
export function teamActs(tenant: () => Tenant): TeamActs {
  const by = (caller: Caller | undefined): Caller => caller ?? operatorOf(tenant().orgId)
  return {
    create: (draft, caller) => createTeam(tenant().provisioning, by(caller), draft).durable,
    add: (id, plan, caller) => addTeamMember(tenant().provisioning, by(caller), id, plan).durable,
    give: (id, plan, caller) => changeTeamMember(tenant().provisioning, by(caller), id, plan).durable,
    push(displayName, people, externalId) {
      const members = people.map(({ id }) => ({ value: id }))
      return createGroup(tenant().provisioning, tenant().idp, { displayName, externalId, members }).durable
    },
  }
}
