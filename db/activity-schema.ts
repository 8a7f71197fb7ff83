/** What people do with the product. Columns are as `schema.ts` says; days are days since 1970-01-01 in UTC. */
export interface ActivityDayTable {
  org_id: string
  user_id: string
  day: number
  sign_ins: number
  views: number
  runs: number
  reports: number
  calls: number
}

/** The sums over a person's days. */
export interface UserActivityTable {
  org_id: string
  user_id: string
  last_active: number
  /** 0 for never. */
  last_sign_in: number
  days_active: number
  sign_ins: number
  views: number
  runs: number
  reports: number
  calls: number
}

/** That a person was active in a week or month, so that they are counted in it once. */
export interface ActivityMarkTable {
  org_id: string
  user_id: string
  /** `week` or `month`. */
  unit: string
  /** Its first day. */
  start: number
}

/** How many people were active in a day, week or month. */
export interface ActiveCountTable {
  org_id: string
  unit: string
  start: number
  users: number
}
