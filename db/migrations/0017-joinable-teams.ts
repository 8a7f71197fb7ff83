import { CompiledQuery, type Migration } from 'kysely'

/** Of an org's many teams the few that people may join by themselves. */
export function joinableTeams(): Migration {
  return {
    async up(db) {
      await db.executeQuery(CompiledQuery.raw('CREATE INDEX team_joinable ON team (org_id, id) WHERE joinable = 1'))
    },
  }
}
