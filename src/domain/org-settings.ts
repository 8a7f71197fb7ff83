import { ORG_ROLES, type OrgRole } from './access.ts'
import { DomainError } from './errors.ts'
import { fold } from './fold.ts'
import { isJsonObject, type Json, type JsonObject } from './json.ts'
import { SEAT_TYPES, type SeatType } from './seat.ts'
import type { WorkloadSettings } from './workload.ts'

/** What becomes of a request for a seat that the licence has not left: refused, or the next lower free type. */
export type SeatPolicy = 'refuse' | 'downgrade'

/** How an org is guarded against the removal of many people at once. */
export interface BreakerSettings {
  /** `alert` lets it happen and reports it; `hold` keeps what goes beyond the limit for an admin to decide. */
  readonly mode: 'off' | 'alert' | 'hold'
  /** Share of the connection's active people that may be lost within the window. */
  readonly percent: number
  /** People that may be lost in any case, however few there are. */
  readonly floor: number
  /** Length of the sliding window. */
  readonly minutes: number
}

/** What an org's admins set. Every setting has a default, so an org that never set any has them all. */
export interface OrgSettings {
  /** Whether a pushed group makes a team of its name. */
  readonly groupsCreateTeams: boolean
  readonly seatPolicy: SeatPolicy
  /** Which seats holders of each org role may have; a wanted one that is not among them becomes the next lower. */
  readonly seatTypes: Readonly<Record<OrgRole, readonly SeatType[]>>
  /** Whether deactivating a person also ends their memberships and explicit values for good. */
  readonly deactivateRemoves: boolean
  readonly membersMayCreateTeams: boolean
  /** Whether those who may add people to a team may also invite people who are not in the org yet. */
  readonly teamsMayInvite: boolean
  /** Whether people make keys of the admin API for themselves; those there are stay. */
  readonly personalKeys: boolean
  /** Whether people sign in by the identity provider alone; break-glass accounts are excepted. */
  readonly ssoRequired: boolean
  /** Whether scripts may add people to teams that an identity provider manages. */
  readonly scriptMayAddToIdpTeams: boolean
  readonly breaker: BreakerSettings
  /** Values of `roles` and `entitlements` that name an org role, in any case. */
  readonly recognisedRoles: Readonly<Record<OrgRole, readonly string[]>>
  readonly signIn: SignInSettings
  readonly workload: WorkloadSettings
  /** How many days records of the log are kept; undefined for all of it. */
  readonly logKeepDays: number | undefined
}

/** Who is made at their first sign-in. */
export interface SignInSettings {
  /** Whether anybody is. */
  readonly makesPeople: boolean
  /** Domains (folded) that the verified address must be of; empty for any. */
  readonly emailDomains: readonly string[]
  /** A claim that must have, or among its values have, this value. */
  readonly requiredClaim: RequiredClaim | undefined
  /** Whom a person who was refused may ask, in the org's own words. */
  readonly contact: string
}

export interface RequiredClaim {
  readonly name: string
  readonly value: string
}

/** Settings by their names, as admins read and write them: `breaker.mode`, `seatTypes.viewer`. */
export type SettingValues = Readonly<Record<string, Json>>

interface Definition {
  /** What it decides, in one sentence. */
  readonly about: string
  readonly byDefault: Json
  /** The value in canonical form. @throws DomainError `invalid-value` */
  readonly read: (value: Json, name: string) => Json
}

const MAX_ROLE_VALUES = 50
const MAX_ROLE_VALUE = 256
/** Deleted people can be brought back for 30 days: what they were is kept as long. */
const LEAST_DAYS = 30
const MOST_DAYS = 36_500

const DEFINITIONS: Readonly<Record<string, Definition>> = {
  groupsCreateTeams: flag('A group that an identity provider pushes makes a team of its name', true),
  seatPolicy: choice('A request for a seat that the licence has not left is refused, or gets the next lower type', [
    'refuse',
    'downgrade',
  ]),
  'seatTypes.admin': seatTypes('Seats that admins of the organization may hold', SEAT_TYPES),
  'seatTypes.member': seatTypes('Seats that members may hold', SEAT_TYPES),
  // A viewer of the organization never holds a full seat, whatever gives one.
  'seatTypes.viewer': seatTypes('Seats that viewers may hold', ['viewer', 'none']),
  deactivateRemoves: flag('Deactivating a person ends their memberships and explicit values for good', false),
  membersMayCreateTeams: flag('Members may create teams', false),
  teamsMayInvite: flag('Those who may add people to a team may invite people from outside the organization', true),
  personalKeys: flag('People may make API keys for themselves', true),
  ssoRequired: flag('People sign in by the identity provider alone, save for break-glass accounts', false),
  scriptMayAddToIdpTeams: flag('Scripts may add people to teams that an identity provider manages', false),
  'breaker.mode': choice('What happens when very many people are removed at once', ['alert', 'hold', 'off']),
  'breaker.percent': whole(
    'Per cent of the active people of a connection that may be lost within the window',
    20,
    1,
    100,
  ),
  'breaker.floor': whole('People that may be lost within the window in any case', 10, 1, 1_000_000),
  'breaker.minutes': whole('Length of the window in minutes', 40, 1, 1_440),
  'recognisedRoles.admin': roleValues('Values of roles and entitlements that mean admin', ['admin']),
  'recognisedRoles.member': roleValues('Values of roles and entitlements that mean member', ['member']),
  'recognisedRoles.viewer': roleValues('Values of roles and entitlements that mean viewer', ['viewer']),
  'signIn.makesPeople': flag('The first sign-in of somebody unknown makes a person', true),
  'signIn.emailDomains': domains('Domains of the verified address of whoever is made at sign-in; none means any'),
  'signIn.requiredClaim': requiredClaim('A claim that whoever is made at sign-in must have, {"name", "value"}'),
  'signIn.contact': line('Whom somebody whose sign-in was refused may ask', 200),
  'workload.issuers': issuers('Issuers whose JWTs programs of service accounts exchange for access tokens'),
  'log.keepDays': days('Days that records of the log are kept before they go into an evidence pack; null for ever'),
  'workload.reusableTokens': flag('A JWT of a program may be exchanged more than once while it is valid', false),
}

/** The names of all settings. */
export const SETTING_NAMES: readonly string[] = Object.keys(DEFINITIONS)

/** What a setting decides, and what it is where nobody set it. */
export function aboutSetting(name: string): { readonly about: string; readonly byDefault: Json } | undefined {
  const found = Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name] : undefined
  return found && { about: found.about, byDefault: found.byDefault }
}

/**
 * Settings as they are to be stored, in canonical form: what equals the default is left out, null asks for the default.
 * @param stored what the org has set so far
 * @throws DomainError `invalid-value` naming the setting and what it may be
 */
export function changedSettings(stored: SettingValues, changes: JsonObject): SettingValues {
  const next: Record<string, Json> = { ...stored }
  for (const [name, value] of Object.entries(changes)) {
    const definition = Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name] : undefined
    if (definition === undefined) throw unknownSetting(name)
    const read = value === null || value === undefined ? definition.byDefault : definition.read(value, name)
    if (JSON.stringify(read) === JSON.stringify(definition.byDefault)) Reflect.deleteProperty(next, name)
    else next[name] = read
  }
  checkDistinctRoles(effectiveSettings(next))
  return Object.fromEntries(Object.entries(next).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The settings of what an org stored. */
export function settingsOf(stored: SettingValues): OrgSettings {
  return typed(effectiveSettings(stored))
}

/** Every setting by name with its effective value. */
export function effectiveSettings(stored: SettingValues): SettingValues {
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, stored[name] ?? DEFINITIONS[name]!.byDefault]))
}

function typed(values: SettingValues): OrgSettings {
  const byRole = <T>(prefix: string) =>
    Object.fromEntries(ORG_ROLES.map((role) => [role, values[`${prefix}.${role}`] as T])) as Record<OrgRole, T>
  return {
    groupsCreateTeams: values['groupsCreateTeams'] as boolean,
    seatPolicy: values['seatPolicy'] as SeatPolicy,
    seatTypes: byRole<readonly SeatType[]>('seatTypes'),
    deactivateRemoves: values['deactivateRemoves'] as boolean,
    membersMayCreateTeams: values['membersMayCreateTeams'] as boolean,
    teamsMayInvite: values['teamsMayInvite'] as boolean,
    personalKeys: values['personalKeys'] as boolean,
    ssoRequired: values['ssoRequired'] as boolean,
    scriptMayAddToIdpTeams: values['scriptMayAddToIdpTeams'] as boolean,
    breaker: {
      mode: values['breaker.mode'] as BreakerSettings['mode'],
      percent: values['breaker.percent'] as number,
      floor: values['breaker.floor'] as number,
      minutes: values['breaker.minutes'] as number,
    },
    recognisedRoles: byRole<readonly string[]>('recognisedRoles'),
    signIn: {
      makesPeople: values['signIn.makesPeople'] as boolean,
      emailDomains: values['signIn.emailDomains'] as readonly string[],
      requiredClaim: (values['signIn.requiredClaim'] ?? undefined) as RequiredClaim | undefined,
      contact: values['signIn.contact'] as string,
    },
    workload: {
      issuers: values['workload.issuers'] as readonly string[],
      reusableTokens: values['workload.reusableTokens'] as boolean,
    },
    logKeepDays: (values['log.keepDays'] ?? undefined) as number | undefined,
  }
}

/** One value that meant two roles would mean neither. */
function checkDistinctRoles(values: SettingValues): void {
  const meant = new Map<string, string>()
  for (const role of ORG_ROLES) {
    for (const value of values[`recognisedRoles.${role}`] as readonly string[]) {
      const other = meant.get(value)
      if (other !== undefined)
        throw invalid(`recognisedRoles.${role}`, `"${value}" means ${other} already; take it from there first`)
      meant.set(value, role)
    }
  }
}

function flag(about: string, byDefault: boolean): Definition {
  return {
    about,
    byDefault,
    read(value, name) {
      if (typeof value === 'boolean') return value
      throw invalid(name, 'it is true or false')
    },
  }
}

/** The first of the values is the default. */
function choice(about: string, values: readonly [string, ...string[]]): Definition {
  return {
    about,
    byDefault: values[0],
    read(value, name) {
      if (typeof value === 'string' && values.includes(value)) return value
      throw invalid(name, `it is one of ${values.join(', ')}`)
    },
  }
}

function whole(about: string, byDefault: number, least: number, most: number): Definition {
  return {
    about,
    byDefault,
    read(value, name) {
      if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value
      throw invalid(name, `it is a whole number from ${least} to ${most}`)
    },
  }
}

function days(about: string): Definition {
  const known = whole(about, LEAST_DAYS, LEAST_DAYS, MOST_DAYS)
  return {
    about,
    byDefault: null,
    read(value, name) {
      if (Number.isInteger(value)) return known.read(value, name)
      throw invalid(name, `it is a whole number from ${LEAST_DAYS} to ${MOST_DAYS}, or null for ever`)
    },
  }
}

function seatTypes(about: string, byDefault: readonly SeatType[]): Definition {
  return {
    about,
    byDefault,
    read(value, name) {
      const types = Array.isArray(value) ? (value as readonly Json[]) : undefined
      const known = types?.every((type) => byDefault.some((each) => each === type)) === true
      if (!known) throw invalid(name, `it is a list of ${byDefault.join(', ')}`)
      return SEAT_TYPES.filter((type) => type === 'none' || types?.includes(type) === true)
    },
  }
}

function roleValues(about: string, byDefault: readonly string[]): Definition {
  return {
    about,
    byDefault,
    read(value, name) {
      const values = Array.isArray(value) ? (value as readonly Json[]) : undefined
      const isText = (each: Json) => typeof each === 'string' && each.trim() !== '' && each.length <= MAX_ROLE_VALUE
      if (values === undefined || values.length > MAX_ROLE_VALUES || !values.every(isText)) {
        throw invalid(name, `it is a list of at most ${MAX_ROLE_VALUES} texts of 1 to ${MAX_ROLE_VALUE} characters`)
      }
      return [...new Set(values.map((each) => fold(each as string)))]
    },
  }
}

const MAX_DOMAINS = 100
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

function domains(about: string): Definition {
  return {
    about,
    byDefault: [],
    read(value, name) {
      const said = Array.isArray(value) ? (value as readonly Json[]) : undefined
      const read = said?.map((each) => (typeof each === 'string' ? fold(each) : ''))
      if (read === undefined || read.length > MAX_DOMAINS || !read.every((each) => DOMAIN.test(each))) {
        throw invalid(name, `it is a list of at most ${MAX_DOMAINS} domains such as "example.com"`)
      }
      return [...new Set(read)]
    },
  }
}

const MAX_ISSUERS = 20
/** Where their keys are is asked of them: an address, then. Whether it may be asked is looked at when it is. */
const ISSUER = /^https?:\/\/[\x21-\x7e]{1,500}$/

function issuers(about: string): Definition {
  return {
    about,
    byDefault: [],
    read(value, name) {
      const said = Array.isArray(value) ? (value as readonly Json[]) : undefined
      const areIssuers = said?.every((each) => typeof each === 'string' && ISSUER.test(each)) === true
      if (areIssuers && said.length <= MAX_ISSUERS) return [...new Set(said as readonly string[])]
      throw invalid(
        name,
        `it is a list of at most ${MAX_ISSUERS} issuers such as "https://issuer.example", exactly as in iss`,
      )
    },
  }
}

function requiredClaim(about: string): Definition {
  return {
    about,
    byDefault: null,
    read(value, name) {
      const said = isJsonObject(value) ? value : {}
      const { name: claim, value: wanted } = said
      const isText = (each: Json | undefined): each is string =>
        typeof each === 'string' && each !== '' && each.length <= MAX_ROLE_VALUE
      if (!isText(claim) || !isText(wanted) || Object.keys(said).length !== 2) {
        throw invalid(name, 'it is {"name": "…", "value": "…"}, or null for none')
      }
      return { name: claim, value: wanted }
    },
  }
}

function line(about: string, longest: number): Definition {
  return {
    about,
    byDefault: '',
    read(value, name) {
      if (typeof value === 'string' && value.length <= longest && !/[\p{Cc}\p{Surrogate}]/u.test(value))
        return value.trim()
      throw invalid(name, `it is one line of at most ${longest} characters`)
    },
  }
}

function unknownSetting(name: string): DomainError {
  const shown = JSON.stringify(name.slice(0, 80))
  return new DomainError('invalid-value', `There is no setting ${shown}; there are ${SETTING_NAMES.join(', ')}`, {
    reason: 'setting.unknown',
  })
}

function invalid(name: string, sentence: string): DomainError {
  return new DomainError('invalid-value', `${name}: ${sentence}`, { reason: 'setting.invalid', params: { path: name } })
}
