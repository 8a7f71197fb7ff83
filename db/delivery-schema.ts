type Flag = 0 | 1

/*
 * Where the log is delivered to, in the form that schema.ts has for all tables.
 */

/** A receiver of an org's log: a cursor over it, and what became of the last attempt. */
export interface SinkTable {
  org_id: string
  id: string
  name: string
  name_key: string
  /** `webhook`, `syslog`, `push` or `poll`. */
  kind: string
  /** JSON, by kind; checked when it was saved, and without any secret. */
  config: string
  /** Sealed under the master key, where it must be read back. */
  secret: string | null
  /** SHA-256 of the secret, where the receiver shows it to us. */
  secret_hash: Uint8Array | null
  /** Whether personal values are disclosed to it. */
  personal: Flag
  /** `active`, `paused` or `suspended`. */
  state: string
  epoch: number
  /** The last record that is done with: delivered, passed over or a dead letter. */
  acked_seq: number
  /** JSON list of seqs beyond it that a polling receiver acknowledged. */
  acked_ahead: string
  /** Failures in a row. */
  attempts: number
  /** Those of them by which the receiver refused the very record. */
  refusals: number
  /** Not tried before. */
  next_ms: number
  failing_since: number | null
  last_error: string | null
  delivered_ms: number | null
  /** Whether dead letters wait to be sent again. */
  again: Flag
  lease_owner: string | null
  lease_until: number | null
  version: number
  created: number
}

/** A record that a sink was not able to deliver, and goes on without. */
export interface SinkDeadTable {
  org_id: string
  sink_id: string
  epoch: number
  seq: number
  /** What the receiver answered; null where it was no HTTP. */
  status: number | null
  error: string
  at_ms: number
  /** Whether it waits to be sent again. */
  again: Flag
}

/** When the log was last noted as read by a key, a session or a sink. */
export interface LogReaderTable {
  org_id: string
  reader: string
  read_ms: number
}
