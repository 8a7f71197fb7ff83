import type { PersonActivity } from '../domain/activity.ts'
import type { User } from '../domain/user.ts'

const NONE: PersonActivity = {
  ...{ lastActive: 0, lastSignIn: undefined, daysActive: 0 },
  counts: { signIn: 0, view: 0, run: 0, report: 0, api: 0 },
}

/** What a person did, as the admin API and the command line show it. Times are RFC 3339 in UTC. */
export function shownActivity({ id, created }: User, activity: PersonActivity = NONE) {
  const { lastActive, lastSignIn, daysActive, counts } = activity
  return {
    ...{ user: id, added: shown(created), lastActive: activity === NONE ? null : shown(lastActive) },
    ...{ lastSignIn: lastSignIn === undefined ? null : shown(lastSignIn), daysActive, signIns: counts.signIn },
    ...{ views: counts.view, runs: counts.run, reports: counts.report, apiCalls: counts.api },
  }
}

function shown(at: number): string {
  return new Date(at).toISOString()
}
