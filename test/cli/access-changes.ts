import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { type Beside, type CommandStep, words } from './command-step.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

const patch = (path: string, value: unknown) => ({
  schemas: [PATCH],
  Operations: [{ op: 'replace', path, value }],
})

const PEOPLE = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'] as const

/** Makes the people whom the identity provider is to remove. */
async function people({ scim, ids }: Beside): Promise<void> {
  for (const name of PEOPLE) {
    const made = await scim('POST', '/Users', { schemas: [USER], userName: name, externalId: name })
    ids[name] = (made as { id: string }).id
  }
}

/** Lets the identity provider remove more people than the org lets pass at once. */
function removals(mode: 'alert' | 'hold', some: readonly string[]): NonNullable<CommandStep['arrange']> {
  return async ({ ask, scim, ids }) => {
    await ask('settings', 'set', `breaker.mode=${mode}`, 'breaker.floor=1', 'breaker.percent=1')
    for (const name of some) await scim('PATCH', `/Users/${ids[name]}`, patch('active', true))
    for (const name of some) await scim('PATCH', `/Users/${ids[name]}`, patch('active', false))
    const batches = (await ask('breaker', 'list')) as { id: string; state: string }[]
    ids['batch'] = batches.find(({ state }) => state === 'open')!.id
  }
}

async function file({ folder }: Beside, name: string, text: string): Promise<void> {
  writeFileSync(join(folder, name), text)
}

async function decideAll({ ask, ids }: Beside): Promise<void> {
  const { rows } = (await ask('review', 'show', ids['review']!)) as { rows: { item: number }[] }
  for (const { item } of rows) {
    const said = ['--item', String(item), '--decision', 'keep', '--reason', 'still here']
    await ask('review', 'decide', ids['review']!, ...said)
  }
}

const RULES = `rules:
  - match: everyone
    grants:
      - seat: weave
        type: viewer
`

/** Changes of what people have, and of the log's own things, in an order in which each finds what it needs. */
export const ACCESS_CHANGES: readonly CommandStep[] = [
  {
    args: words('attribute declare grade --type integer'),
    says: [
      'attribute.declare type: nothing -> "integer"',
      'attribute.declare multiValued: nothing -> false',
      'attribute.declare caseExact: nothing -> false',
      'attribute.declare description: nothing -> ""',
      'attribute.declare state: nothing -> "live"',
    ],
  },
  {
    args: words('attribute remove grade'),
    says: [
      'attribute.remove type: "integer" -> nothing',
      'attribute.remove multiValued: false -> nothing',
      'attribute.remove caseExact: false -> nothing',
      'attribute.remove description: "" -> nothing',
      'attribute.remove state: "live" -> nothing',
    ],
  },
  {
    args: words('team create crew'),
    makes: 'team',
    says: [
      'team.create name: nothing -> "crew"',
      'team.create defaultRole: nothing -> "member"',
      'team.create hidden: nothing -> false',
      'team.create inviters: nothing -> "admins"',
      'team.create joinable: nothing -> false',
    ],
  },
  { args: words('team change crew --hidden'), says: ['team.update hidden: false -> true'] },
  {
    args: words('team add crew ann --role member'),
    says: [
      'member.add teamRoles: nothing -> {"roleName":"member","teamName":"crew"}',
      'member.add members: +["{ann}"] -[]',
      'member.add team {team}: null -> "member" for ["{ann}"]',
    ],
  },
  {
    args: words('team role crew ann viewer'),
    says: [
      'member.update teamRoles: {"roleName":"member","teamName":"crew"} -> {"roleName":"viewer","teamName":"crew"}',
      'member.update team {team}: "member" -> "viewer" for ["{ann}"]',
    ],
  },
  {
    args: words('team remove crew ann'),
    says: ['member.remove members: +[] -["{ann}"]', 'member.remove team {team}: "viewer" -> null for ["{ann}"]'],
  },
  { args: words('team archive crew'), says: ['team.archive archived: false -> true'] },
  { args: words('team restore {team}'), says: ['team.restore archived: true -> false'] },
  { args: words('group protect {team}'), says: ['group.update protected: false -> true'] },
  { args: words('group unprotect {team}'), says: ['group.update protected: true -> false'] },
  {
    args: words('role create Curator --base viewer --permit report:update'),
    makes: 'role',
    says: [
      'role.create name: nothing -> "Curator"',
      'role.create inheritedFrom: nothing -> "viewer"',
      'role.create permissions: nothing -> ["report:update"]',
    ],
  },
  { args: words('role change Curator --name Keeper'), says: ['role.update name: "Curator" -> "Keeper"'] },
  {
    args: words('role delete Keeper'),
    says: [
      'role.delete name: "Keeper" -> nothing',
      'role.delete inheritedFrom: "viewer" -> nothing',
      'role.delete permissions: ["report:update"] -> nothing',
    ],
  },
  {
    args: words('rules apply --file {folder}/rules.yaml'),
    arrange: (beside) => file(beside, 'rules.yaml', RULES),
    says: [
      'rule.create name: nothing -> ""',
      'rule.create match: nothing -> {"kind":"everyone"}',
      'rule.create directoryOnly: nothing -> false',
      'rule.create enabled: nothing -> true',
      'rule.create grants: nothing -> [{"kind":"seat","target":"weave","value":"viewer"}]',
      'rule.create seat weave: "full" -> "viewer" for ["{boss}","{ann}","{jo}"]',
    ],
  },
  {
    args: words('seat licence models --full 25'),
    says: ['org.licence licence: [] -> [{"full":25,"product":"models"}]'],
  },
  { args: words('settings set breaker.minutes=30'), says: ['org.settings breaker.minutes: 40 -> 30'] },
  {
    args: words('service-account create bot --team crew --owner ann'),
    makes: 'bot',
    says: [
      'user.create userName: nothing -> "bot"',
      'user.create displayName: nothing -> "bot"',
      'user.create active: nothing -> true',
      'user.create accountType: nothing -> "SERVICE"',
      'user.create defaultTeam: nothing -> {"team":"{team}","teamName":"crew"}',
      'user.create teams: +["{team}"] -[]',
      'user.create owner: nothing -> "{ann}"',
      'user.create active : null -> "active" for ["{bot}"]',
      'user.create org_role : null -> "member" for ["{bot}"]',
      'user.create team {team}: null -> "member" for ["{bot}"]',
    ],
  },
  { args: words('service-account owner bot {p0}'), arrange: people, says: ['user.update owner: "{ann}" -> "{p0}"'] },
  {
    args: words('service-account identity bot workload --issuer https://ci.example'),
    arrange: ({ ask }) => ask('settings', 'set', 'workload.issuers=["https://ci.example"]'),
    says: ['user.update identity: null -> {"issuer":"https://ci.example","subject":"workload"}'],
  },
  {
    args: words('service-account key create bot --name nightly'),
    makes: 'botKey',
    says: ['key.create scope: nothing -> "user"'],
  },
  { args: words('service-account key revoke bot {botKey}'), says: ['key.revoke'] },
  {
    args: words('service-account delete bot'),
    says: [
      'user.delete active : "active" -> null for ["{bot}"]',
      'user.delete org_role : "member" -> null for ["{bot}"]',
      'user.delete team {team}: "member" -> null for ["{bot}"]',
    ],
  },
  {
    args: words('import {folder}/users.csv'),
    arrange: (beside) => file(beside, 'users.csv', 'user name,name\ncy,Cy\nann,Ann Lee\n'),
    says: [
      'user.create userName: nothing -> "cy"',
      'user.create displayName: nothing -> "Cy"',
      'user.create active: nothing -> true',
      'user.update displayName: "Bea" -> "Ann Lee"',
    ],
  },
  {
    args: words('review start Autumn --of team --team eng'),
    async arrange({ scim, ids }) {
      const members = [{ value: ids['p0'] }, { value: ids['p1'] }]
      const made = await scim('POST', '/Groups', { schemas: [GROUP], displayName: 'eng', externalId: 'e', members })
      ids['eng'] = (made as { id: string }).id
    },
    makes: 'review',
    says: ['review.start'],
  },
  {
    args: words('review decide {review} --item 1 --decision keep --reason good'),
    says: ['review.decide decision: null -> "keep"', 'review.decide reason: nothing -> "good"'],
  },
  {
    args: words('review sign {review}'),
    arrange: decideAll,
    says: ['review.sign state: "open" -> "signed"'],
  },
  { args: words('connection hand-over --user {p0}'), says: ['owner.change owner: "{default}" -> nothing'] },
  {
    args: words('connection reject default {p0}'),
    arrange: ({ scim, ids }) => scim('PATCH', `/Users/${ids['p0']}`, patch('userName', 'eve')),
    says: ['link.reject'],
  },
  { args: words('connection confirm default {p0}'), says: ['link.confirm'] },
  {
    args: words('user refuse-admin {p1}'),
    arrange: ({ scim, ids }) => scim('PATCH', `/Users/${ids['p1']}`, patch('roles', [{ value: 'admin' }])),
    says: ['admin.refuse'],
  },
  {
    args: words('user confirm-admin {p1}'),
    async arrange({ scim, ids }) {
      await scim('PATCH', `/Users/${ids['p1']}`, patch('roles', []))
      await scim('PATCH', `/Users/${ids['p1']}`, patch('roles', [{ value: 'admin' }]))
    },
    says: [
      'admin.grant organizationRole: nothing -> "admin"',
      'admin.grant org_role : "member" -> "admin" for ["{p1}"]',
    ],
  },
  {
    args: words('breaker restore {batch}'),
    arrange: removals('alert', ['p2', 'p3']),
    says: [
      'breaker.restore',
      'user.reactivate active: false -> true',
      'user.reactivate active : null -> "active" for ["{p2}"]',
      'user.reactivate org_role : null -> "member" for ["{p2}"]',
      'user.reactivate seat models: null -> "full" for ["{p2}"]',
      'user.reactivate seat weave: null -> "viewer" for ["{p2}"]',
      'user.reactivate active : null -> "active" for ["{p3}"]',
      'user.reactivate org_role : null -> "member" for ["{p3}"]',
      'user.reactivate seat models: null -> "full" for ["{p3}"]',
      'user.reactivate seat weave: null -> "viewer" for ["{p3}"]',
    ],
  },
  {
    args: words('breaker reject {batch}'),
    arrange: removals('hold', ['p2', 'p3']),
    says: ['breaker.reject state: "open" -> "rejected"'],
  },
  {
    args: words('breaker allow {batch}'),
    arrange: removals('hold', ['p4', 'p5']),
    says: [
      'breaker.allow state: "open" -> "allowed"',
      'user.deactivate active: true -> false',
      'user.deactivate active : "active" -> null for ["{p4}"]',
      'user.deactivate org_role : "member" -> null for ["{p4}"]',
      'user.deactivate seat models: "full" -> null for ["{p4}"]',
      'user.deactivate seat weave: "viewer" -> null for ["{p4}"]',
      'user.deactivate active : "active" -> null for ["{p5}"]',
      'user.deactivate org_role : "member" -> null for ["{p5}"]',
      'user.deactivate seat models: "full" -> null for ["{p5}"]',
      'user.deactivate seat weave: "viewer" -> null for ["{p5}"]',
    ],
  },
  { args: words('connection revoke {connection}'), says: ['connection.revoke status: "active" -> "revoked"'] },
  {
    args: ['sink', 'create', 'SIEM', 'webhook', '--config', '{"url":"https://siem.example"}'],
    makes: 'sink',
    says: [
      'sink.create name: nothing -> "SIEM"',
      'sink.create personal: nothing -> false',
      'sink.create config: nothing -> [["url","\\"https://siem.example\\""]]',
      'sink.create secret: false -> true',
    ],
  },
  {
    args: words('sink change {sink} --name Siem --personal'),
    says: ['sink.update name: "SIEM" -> "Siem"', 'sink.update personal: false -> true'],
  },
  { args: words('sink pause {sink}'), says: ['sink.pause state: "active" -> "paused"'] },
  { args: words('sink resume {sink}'), says: ['sink.resume state: "paused" -> "active"'] },
  { args: words('sink secret {sink}'), says: ['sink.update secret: true -> true'] },
  {
    args: words('sink replay {sink}'),
    arrange: ({ gateway: { gateway }, ids }) =>
      sql`insert into sink_dead (org_id, sink_id, epoch, seq, error, at_ms, again)
        select org_id, id, 1, 1, 'refused', 1, 0 from sink where id = ${ids['sink']}`.execute(
        gateway.opened.connections.writer,
      ),
    says: ['sink.replay'],
  },
  { args: words('sink remove {sink}'), says: ['sink.delete'] },
  {
    args: words('privacy hold place --reason litigation'),
    makes: 'hold',
    says: ['hold.place reason: nothing -> "litigation"'],
  },
  { args: words('privacy hold release {hold}'), says: ['hold.release'] },
  { args: words('privacy erase cy'), says: ['privacy.erase'] },
]
