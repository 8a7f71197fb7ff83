/** What beside the log is not what the log says. */
export interface ReplayFinding {
  /** The first record that shows it. */
  readonly seq: number
  /** `event_target`, `event_pii`, `access_period`, or a table of what people hold today. */
  readonly table: string
  /** Whose row it is, where it is about one person. */
  readonly person?: string
  /** The attribute, or the column that is made of it, where it is one. */
  readonly column?: string | undefined
}
