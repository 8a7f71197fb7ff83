import { activityRoutes } from './activity-routes.ts'
import { breakerRoutes } from './breaker-routes.ts'
import { connectionRoutes } from './connection-routes.ts'
import { domainRoutes } from './domain-routes.ts'
import { groupRoutes } from './group-routes.ts'
import { inviteRoutes } from './invite-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { logRoutes } from './log-routes.ts'
import { logExportRoutes } from './log-export-routes.ts'
import { mailRoutes } from './mail-routes.ts'
import { meRoutes } from './me-routes.ts'
import { membershipRoutes } from './membership-routes.ts'
import { orgRoutes } from './org-routes.ts'
import { ownerRoutes } from './owner-routes.ts'
import { personalKeyRoutes } from './personal-key-routes.ts'
import { privacyRoutes } from './privacy-routes.ts'
import { reportsRoutes } from './report-routes.ts'
import { reviewRoutes } from './review-routes.ts'
import { roleRoutes } from './role-routes.ts'
import type { Route } from './route.ts'
import { ruleRoutes } from './rule-routes.ts'
import { serviceAccountRoutes } from './service-account-routes.ts'
import { teamMemberRoutes } from './team-member-routes.ts'
import { teamRoutes } from './team-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { seatRoutes } from './seat-routes.ts'
import { sinkRoutes } from './sink-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { settingsRoutes } from './settings-routes.ts'
import { trustRoutes } from './trust-routes.ts'
import { userRoutes } from './user-routes.ts'
import { waitingRoutes } from './waiting-routes.ts'

/**
 * The route table of the admin API: everything it answers, and so all that its document and its tests know.
 *
 * To add routes, write `src/admin/<thing>-routes.ts` with a list of `route({ … })` and add the list here:
 *
 * ```ts
 * export const teamRoutes: readonly Route[] = [
 *   route({
 *     method: 'PATCH', path: '/teams/{team}', tag: 'Teams', summary: 'Change a team', who: 'teamAdmin',
 *     body: z.strictObject({ name: textOf(200).optional() }).meta({ examples: [{ name: 'research' }] }),
 *     answer: { status: 200, schema: team },
 *     async handle({ provisioning, caller, params, body, ifMatch }) {
 *       const changed = await changeTeam(provisioning, caller, params.team as GroupId, { ...body, ifMatch }).durable
 *       return { body: shownTeam(changed), version: changed.version }
 *     },
 *   }),
 * ]
 * ```
 *
 * - `who` is checked before the body is read. The use case checks again inside its unit of work (`requireOrgAdmin`,
 *   `requireTeamAdmin` of `provisioning/caller-right.ts`), since rights may end between the two.
 * - Names in braces are ids of the caller's org: text of another form is 404 before the handler, and a use case or read
 *   that finds no row throws `not-found`. The path never decides the org. Words of the client's, such as a product, go
 *   into `texts`.
 * - The table's own test (`test/admin/routes.test.ts`) calls every route: give `foreignIds` there an id for a new name in
 *   braces, and every body an example that the schema takes.
 * - Throw `DomainError`; with `params: { path }` the problem document names the field.
 * - Answer durable state only: `await ….durable`. Lists take `pageQuery` and answer `pageOf(item)` (`page.ts`).
 * - A POST needs nothing for `Idempotency-Key`, as long as it works through the `provisioning` it is given. A secret in
 *   the answer is named in `answer.secret`, and its schema is nullable.
 */
export const ROUTES: readonly Route[] = [
  ...orgRoutes,
  ...meRoutes,
  ...keyRoutes,
  ...personalKeyRoutes,
  ...userRoutes,
  ...activityRoutes,
  ...inviteRoutes,
  ...domainRoutes,
  ...mailRoutes,
  ...membershipRoutes,
  ...groupRoutes,
  ...connectionRoutes,
  ...trustRoutes,
  ...ownerRoutes,
  ...waitingRoutes,
  ...teamRoutes,
  ...teamMemberRoutes,
  ...roleRoutes,
  ...serviceAccountRoutes,
  ...seatRoutes,
  ...settingsRoutes,
  ...sessionRoutes,
  ...signInRoutes,
  ...breakerRoutes,
  ...ruleRoutes,
  ...privacyRoutes,
  ...reportsRoutes,
  ...logRoutes,
  ...logExportRoutes,
  ...sinkRoutes,
  ...reviewRoutes,
]
