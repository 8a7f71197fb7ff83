import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { newId, type UserId } from '../../src/domain/ids.ts'
import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import { createTally } from '../../src/audit/tally.ts'
import { changeRule } from '../../src/provisioning/change-rule.ts'
import { createConnection } from '../../src/provisioning/create-connection.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { foundOrg, type Operation } from '../../src/provisioning/found-org.ts'
import type { Provisioning } from '../../src/provisioning/provisioning.ts'
import { preview } from '../../src/provisioning/preview.ts'
import { runReconcileJobs } from '../../src/provisioning/reconcile-job.ts'
import { openConnections, openStore } from '../../src/storage/store.ts'

/** What changing a rule took on the embedded store, in a process of its own making. */
export interface RuleChangeResult {
  readonly people: number
  /** From asking to the answer, which leaves the people to a job. */
  readonly savedMs: number
  /** From asking until everybody had what the rule says. */
  readonly appliedMs: number
  /** Computing beforehand what it would come to. */
  readonly previewedMs: number
}

function operation(): Operation {
  return {
    actor: { type: 'system' },
    request: { id: newId(Date.now()), receivedAt: Date.now(), started: performance.now() },
  }
}

/** Changes a rule for that many people from one role in a team to another, and waits until all of them have it. */
export async function measureRuleChange(dataDir: string, people: number): Promise<RuleChangeResult> {
  mkdirSync(dataDir, { recursive: true })
  const connections = openConnections({ dataDir, databaseUrl: undefined, poolSize: 1, onIdleError: () => undefined })
  await connections.migrate()
  const { reads, work } = openStore(connections, createRecordSealer({ kek: randomBytes(32), now: Date.now }), Date.now)
  const jobs: Promise<void>[] = []
  const provisioning: Provisioning = {
    work,
    tally: createTally({ now: Date.now }),
    wakeJobs: (orgId) => jobs.push(runReconcileJobs(work, orgId, () => false)),
  }
  const { id: orgId } = await foundOrg(provisioning, operation(), 'bench').durable
  const idp = await createConnection(provisioning, operation(), orgId, {
    ...{ name: 'idp', kind: 'idp', mayGrantAdmin: false, scopes: ['users', 'groups'], trust: undefined },
  }).durable
  const caller = () => ({ ...operation(), orgId, connection: idp })
  const made: Promise<{ readonly id: UserId }>[] = []
  for (let n = 0; n < people; n++) {
    const draft = { active: true, externalId: `ext-${n}`, attributes: { userName: `person-${n}@example.com` } }
    made.push(createUser(provisioning, caller(), draft).durable)
  }
  const members = (await Promise.all(made)).map(({ id }) => ({ value: id }))
  const group = (displayName: string, of: typeof members) =>
    createGroup(provisioning, caller(), { displayName, externalId: undefined, members: of }).durable
  await group('research', [])
  await group('everybody', members)
  const admin = () => ({ ...operation(), orgId, connection: undefined })
  const draft = (role: string) => ({
    match: { kind: 'name', value: 'everybody' } as const,
    grants: [
      { team: 'research', role },
      { seat: 'weave', type: role === 'admin' ? 'full' : 'viewer' },
    ],
  })
  const rule = await createRule(provisioning, admin(), draft('admin')).durable
  await Promise.all(jobs)
  const asked = performance.now()
  for await (const event of preview(reads, orgId, { kind: 'rules', before: [rule], after: [] })) void event
  const started = performance.now()
  await changeRule(provisioning, admin(), rule.id, { draft: draft('viewer'), method: 'PUT' }).durable
  const saved = performance.now()
  await Promise.all(jobs)
  const applied = performance.now()
  await work.idle()
  await connections.close()
  return { people, savedMs: saved - started, appliedMs: applied - started, previewedMs: started - asked }
}
