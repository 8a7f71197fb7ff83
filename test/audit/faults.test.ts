import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { createValueOpener } from '../../src/audit/opened-values.ts'
import { replayLog } from '../../src/audit/replay.ts'
import type { Caller } from '../../src/domain/caller.ts'
import type { GroupId, InviteId, OrgId, ProviderId, ReviewId, SinkId, UserId } from '../../src/domain/ids.ts'
import { type KeyId, newId, type SessionId } from '../../src/domain/ids.ts'
import type { HoldId } from '../../src/domain/privacy.ts'
import { Personal, unknownPerson } from '../../src/domain/record.ts'
import { acceptFork } from '../../src/provisioning/accept-fork.ts'
import { acceptInvite } from '../../src/provisioning/accept-invite.ts'
import { decideReviewItem, signReview, startReview } from '../../src/provisioning/access-reviews.ts'
import { setTeamArchived } from '../../src/provisioning/archive-team.ts'
import { expireInvite, resendInvite, revokeInvite } from '../../src/provisioning/change-invite.ts'
import { changeTeam } from '../../src/provisioning/change-team.ts'
import { changeDomain, claimDomain, proveDomain, releaseDomain } from '../../src/provisioning/claim-domain.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { declareAttribute } from '../../src/provisioning/declare-attribute.ts'
import { erasePerson } from '../../src/provisioning/erase-person.ts'
import { forgetUnknownPeople } from '../../src/provisioning/forget-unknown-people.ts'
import { handOver } from '../../src/provisioning/hand-over.ts'
import { invitePerson } from '../../src/provisioning/invite-person.ts'
import { placeHold, releaseHold } from '../../src/provisioning/legal-holds.ts'
import { refuseAttempt } from '../../src/provisioning/local-sign-in.ts'
import { putResetLink, putSetupLink } from '../../src/provisioning/password-links.ts'
import { recheckDomain } from '../../src/provisioning/recheck-domain.ts'
import { createServiceAccount } from '../../src/provisioning/service-account-admin.ts'
import { createServiceKey } from '../../src/provisioning/service-account-keys.ts'
import { startSession } from '../../src/provisioning/sessions.ts'
import {
  changeProvider,
  createProvider,
  pairConnection,
  removeProvider,
} from '../../src/provisioning/sign-in-providers.ts'
import { changeSink, createSink, removeSink, suspendSink, switchSink } from '../../src/provisioning/sinks.ts'
import { addTeamMember, removeTeamMember } from '../../src/provisioning/team-members.ts'
import { unlinkIdentity } from '../../src/provisioning/unlink-identity.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { createFaults, failAtEach } from '../support/faults.ts'
import { providerOf } from '../support/sign-ins.ts'
import { foundTenant, operation, problemsOf, type Tenant } from '../support/tenant.ts'

const DAY = 86_400_000
const DOMAIN = 'people.example'

interface Scene {
  readonly test: TestStore
  readonly tenant: Tenant
  readonly admin: Caller
  readonly orgId: OrgId
  /** What the acts before have made. */
  ada: UserId
  team: GroupId
  bot: UserId
  invite: InviteId
  secretHash: Uint8Array
  provider: ProviderId
  sink: SinkId
  hold: HoldId
  review: ReviewId
}

type Act = readonly [title: string, run: (scene: Scene) => unknown, arrange?: (scene: Scene) => unknown]

const secretOf = (scene: Scene) => {
  scene.secretHash = randomBytes(32)
  return { text: 'x', secretHash: scene.secretHash, expires: Date.now() + DAY }
}

async function invite(scene: Scene): Promise<void> {
  const id = newId<InviteId>(Date.now())
  const draft = { id, email: 'bo@people.example', seats: { models: 'full' }, secret: secretOf(scene) } as const
  await invitePerson(scene.tenant.provisioning, scene.admin, draft)
  scene.invite = id
}

/** The domain is due to be looked at, as long after it was seen without its proof as said. */
const due =
  (failingFor?: number) =>
  ({ test }: Scene) =>
    sql`update domain_claim set next_ms = 1, failing_since = ${failingFor === undefined ? null : Date.now() - failingFor}
      where domain_key = ${DOMAIN}`.execute(test.connections.writer)

const recheck = async ({ test, orgId }: Scene, seen: 'shown' | 'absent'): Promise<void> => {
  const { challenge } = (await test.store.reads.domains.find(orgId, DOMAIN))!
  await recheckDomain(test.store.work, orgId, { domain: DOMAIN, challenge }, seen)
}

const linkOf = (kind: 'setup' | 'reset', user: UserId | undefined) =>
  ({ id: newId(Date.now()), kind, user, secretHash: randomBytes(32), expires: Date.now() + DAY }) as const

/** One unit of work each, in an order in which each finds what it needs. */
const ACTS: readonly Act[] = [
  ['claims a domain', ({ tenant, admin }) => claimDomain(tenant.provisioning, admin, { domain: DOMAIN }).durable],
  [
    'proves a domain',
    async ({ test, tenant, admin, orgId }) => {
      const { challenge } = (await test.store.reads.domains.find(orgId, DOMAIN))!
      return proveDomain(tenant.provisioning, admin, DOMAIN, { challenge, seen: 'shown' }).durable
    },
  ],
  [
    'changes a domain',
    ({ tenant, admin }) => changeDomain(tenant.provisioning, admin, DOMAIN, { captures: true }).durable,
  ],
  ['finds the proof of a domain gone, and mails the admins', (scene) => recheck(scene, 'absent'), due()],
  ['lets a domain lapse, and mails the admins', (scene) => recheck(scene, 'absent'), due(8 * DAY)],
  ['releases a domain', ({ tenant, admin }) => releaseDomain(tenant.provisioning, admin, DOMAIN).durable],
  ['invites somebody, with a mail', invite],
  [
    'sends an invitation again',
    (scene) => resendInvite(scene.tenant.provisioning, scene.admin, scene.invite, secretOf(scene)).durable,
    ({ test }) => sql`update invite set sent = sent - 120000`.execute(test.connections.writer),
  ],
  ['revokes an invitation', ({ tenant, admin, invite: id }) => revokeInvite(tenant.provisioning, admin, id).durable],
  [
    'lets an invitation expire',
    ({ test, orgId, invite: id }) => expireInvite(test.store.work, orgId, id),
    async (scene) => {
      await invite(scene)
      await sql`update invite set expires = 1 where id = ${scene.invite}`.execute(scene.test.connections.writer)
    },
  ],
  [
    'takes an invitation',
    ({ tenant, orgId, secretHash }) => {
      const stranger = { ...operation(), orgId, connection: undefined }
      return acceptInvite(tenant.provisioning, stranger, { secretHash, equip: () => Promise.resolve() }).durable
    },
    invite,
  ],
  [
    'makes a provider to sign in by',
    async (scene) => {
      const draft = { kind: 'oidc', name: 'Okta', config: { issuer: 'https://okta.example' } } as const
      scene.provider = (await createProvider(scene.tenant.provisioning, scene.admin, draft).durable).id
    },
  ],
  [
    'changes a provider',
    ({ tenant, admin, provider }) => changeProvider(tenant.provisioning, admin, provider, { name: 'Okta 2' }).durable,
  ],
  [
    'pairs a connection',
    ({ tenant, admin, provider }) => {
      const connection = tenant.idp.connection!.id
      return pairConnection(tenant.provisioning, admin, connection, provider).durable
    },
  ],
  ['makes a person at their first sign-in', ({ tenant }) => providerOf(tenant, 'https://okta.example').signIn('jo')],
  ['refuses a sign-in', ({ tenant }) => refusedSignIn(tenant)],
  [
    'refuses a password',
    ({ tenant, orgId, ada }) => {
      const stranger = { ...operation(), orgId, connection: undefined }
      return refuseAttempt(tenant.provisioning, stranger, { user: ada, hash: 'x', wait: undefined })
    },
  ],
  [
    'unlinks an identity, and ends the sessions',
    async ({ test, tenant, admin, orgId }) => {
      const row = test.connections.reader.selectFrom('user').select('id').where('username', '=', 'jo')
      const jo = (await row.executeTakeFirstOrThrow()).id as UserId
      const [identity] = await test.store.reads.identities.list(orgId, jo)
      return unlinkIdentity(tenant.provisioning, admin, jo, identity!.key).durable
    },
  ],
  ['removes a provider', ({ tenant, admin, provider }) => removeProvider(tenant.provisioning, admin, provider).durable],
  [
    'makes a receiver of the log',
    async (scene) => {
      const draft = { id: newId<SinkId>(Date.now()), name: 'SIEM', kind: 'webhook', config: {} } as const
      const more = { personal: false, from: 'now', secret: 'sealed', secretHash: undefined } as const
      scene.sink = (await createSink(scene.tenant.provisioning, scene.admin, { ...draft, ...more }).durable).id
    },
  ],
  [
    'changes a receiver',
    ({ tenant, admin, sink }) => changeSink(tenant.provisioning, admin, sink, { name: 'S' }).durable,
  ],
  ['suspends a receiver', ({ tenant, admin, sink }) => suspendSink(tenant.provisioning, admin, sink).durable],
  ['resumes a receiver', ({ tenant, admin, sink }) => switchSink(tenant.provisioning, admin, sink, 'active').durable],
  ['removes a receiver', ({ tenant, admin, sink }) => removeSink(tenant.provisioning, admin, sink).durable],
  [
    'makes a team',
    async (scene) => {
      scene.team = (await createTeam(scene.tenant.provisioning, scene.admin, { name: 'crew' }).durable).id
    },
  ],
  [
    'changes a team',
    ({ tenant, admin, team }) => changeTeam(tenant.provisioning, admin, team, { plan: { hidden: true } }).durable,
  ],
  [
    'adds a member',
    ({ tenant, admin, team }) => addTeamMember(tenant.provisioning, admin, team, { person: 'ada' }).durable,
  ],
  [
    'archives a team',
    ({ tenant, admin, team }) => setTeamArchived(tenant.provisioning, admin, team, { archived: true }).durable,
  ],
  [
    'restores a team',
    ({ tenant, admin, team }) => setTeamArchived(tenant.provisioning, admin, team, { archived: false }).durable,
  ],
  [
    'makes a service account',
    async (scene) => {
      const draft = { userName: 'bot', scope: 'team', defaultTeam: scene.team, owner: 'ada' } as const
      scene.bot = (await createServiceAccount(scene.tenant.provisioning, scene.admin, draft).durable).id
    },
  ],
  [
    'makes a key of a service account',
    ({ tenant, admin, bot }) => {
      const key = { id: newId<KeyId>(Date.now()), secretHash: randomBytes(32), name: 'k', expires: undefined }
      return createServiceKey(tenant.provisioning, admin, { account: bot, ...key }).durable
    },
  ],
  [
    'begins a review',
    async (scene) => {
      const plan = { name: 'Autumn', scope: { of: 'everybody' } } as const
      scene.review = (await startReview(scene.tenant.provisioning, scene.admin, plan).durable).id
    },
  ],
  [
    'decides on an item of a review',
    async ({ test, tenant, admin, orgId, review, team }) => {
      const items = await test.store.reads.reviews.items(orgId, review, 0, 100)
      const { n } = items.find(({ kind, target }) => kind === 'team' && target === team)!
      return decideReviewItem(tenant.provisioning, admin, review, { n, decision: 'keep', reason: 'needed' })
    },
    // Whoever gave something does not review it.
    ({ test }) =>
      sql`update access_review_item set given_type = 'idp', given_id = 'x'`.execute(test.connections.writer),
  ],
  [
    'removes a member',
    ({ tenant, admin, team }) => removeTeamMember(tenant.provisioning, admin, team, { person: 'ada' }).durable,
  ],
  [
    'hands somebody over',
    ({ tenant, admin, ada }) =>
      handOver(tenant.provisioning, admin, { to: undefined, what: { type: 'user', id: ada } }).durable,
  ],
  [
    'makes a setup address',
    ({ tenant, orgId }) =>
      putSetupLink(tenant.provisioning, operation(), orgId, { link: linkOf('setup', undefined), unless: 'never' })
        .durable,
  ],
  [
    'makes a reset address',
    ({ tenant, admin, ada }) =>
      putResetLink(tenant.provisioning, admin, { ...linkOf('reset', ada), user: ada }).durable,
  ],
  [
    'begins a session',
    ({ tenant, orgId, ada }) => {
      const session = {
        id: newId<SessionId>(Date.now()),
        user: ada,
        method: 'oidc',
        secretHash: randomBytes(32),
      } as const
      return startSession(tenant.provisioning, operation(), orgId, { ...session, expires: Date.now() + DAY }).durable
    },
  ],
  [
    'declares an attribute',
    ({ tenant, orgId }) =>
      declareAttribute(tenant.provisioning, operation(), orgId, { name: 'grade', type: 'integer' } as never).durable,
  ],
  [
    'places a hold',
    async (scene) => {
      scene.hold = (await placeHold(scene.tenant.provisioning, scene.admin, { reason: 'case' }).durable).id
    },
  ],
  ['releases a hold', ({ tenant, admin, hold }) => releaseHold(tenant.provisioning, admin, hold).durable],
  [
    'forgets people who are nobody here',
    ({ test, orgId }) => forgetUnknownPeople(test.store.work, orgId, unknownPerson(0)),
    ({ test, orgId }) =>
      test.store.work.submit(orgId, ({ journal }) =>
        journal.append(orgId, {
          ...{ action: 'sso.refuse', actor: { type: 'system' }, outcome: { result: 'refused' } },
          targets: [{ type: 'identity', id: unknownPerson(0), display: new Personal(unknownPerson(0), 'mo') }],
        }),
      ).durable,
  ],
  ['erases a person', ({ tenant, admin, ada }) => erasePerson(tenant.provisioning, admin, ada).durable],
  [
    'accepts a fork',
    ({ tenant, orgId }) =>
      acceptFork(tenant.provisioning, operation(), orgId, { action: 'log.fork', lost: undefined, reason: 'disk' })
        .durable,
  ],
]

async function refusedSignIn(tenant: Tenant): Promise<void> {
  const voice = providerOf(tenant, 'https://okta.example')
  const problem = await voice.signIn('mo', {}, { provisioningDisabled: true }).then(
    () => undefined,
    (error: unknown) => error as { code?: string },
  )
  // A refusal whose record could not be written is an outage.
  if (problem?.code !== 'forbidden') throw problem as Error
}

forEachDialect('every newer change and its record (R03)', (dialect) => {
  const faults = createFaults()
  let scene: Scene

  before(async () => {
    const test = await openTestStore(dialect, faults.onQuery, true)
    const tenant = await foundTenant(test)
    const admin = operatorOf(tenant.orgId)
    const { id: ada } = await tenant.user('ada', { attributes: { emails: [{ value: 'ada@else.example' }] } })
    scene = { test, tenant, admin, orgId: tenant.orgId, ada } as Scene
  })
  after(async () => {
    faults.end()
    await scene.test.close()
  })

  for (const [title, run, arrange] of ACTS) {
    it(`${title}: at whichever statement it fails, state and log are never apart`, async function () {
      this.timeout(120_000)
      await arrange?.(scene)
      const { test, tenant, orgId } = scene
      const settled = () => tenant.jobs()
      await failAtEach({ test, faults, orgId, settled, troubles }, async () => run(scene))
    })
  }

  it('signs a review: at whichever statement it fails, state and log are never apart', async () => {
    const { test, tenant, admin, orgId, review } = scene
    const { writer } = test.connections
    await sql`delete from access_review_item where review_id = ${review} and decision is null`.execute(writer)
    const settled = () => tenant.jobs()
    await failAtEach(
      { test, faults, orgId, settled, troubles },
      () => signReview(tenant.provisioning, admin, review).durable,
    )
  })
})

/** The invariants, and what the log says of access, ids and values against the tables. */
async function troubles(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  const { records, replay } = test.store.reads
  const range = { after: 0, upTo: (await records.head(orgId))!.seq }
  const { finding } = await replayLog({ records, replay, values: createValueOpener(test.kek, records) }, orgId, range)
  return [...(await problemsOf(test, orgId)), ...(finding === undefined ? [] : [JSON.stringify(finding)])]
}
