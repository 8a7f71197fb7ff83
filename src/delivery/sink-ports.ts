import type { OrgId, SinkId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { SinkKind, SinkSecret, StoredSink } from '../domain/sink.ts'
import type { CarryFailure } from './carrier.ts'

/** A secret of a receiver, just made or just given. */
export interface MintedSinkSecret extends SinkSecret {
  /** Shown once; undefined where there is nothing to show. */
  readonly text: string | undefined
}

/** What edges that manage receivers are given; `sink-wiring.ts` fills it in. */
export interface SinkPorts {
  /** The config of a receiver in its full form. @throws DomainError `invalid-value` */
  checkedConfig(kind: SinkKind, config: JsonObject): JsonObject
  /**
   * @param given what the receiver of pushed tokens knows us by
   * @throws DomainError `invalid-value` for a secret that a kind has none of
   */
  secretFor(
    sink: { readonly orgId: OrgId; readonly id: SinkId; readonly kind: SinkKind },
    given?: string,
  ): MintedSinkSecret
  /** Sends a message that is no record. @throws DomainError `invalid-value` for a receiver that polls */
  test(sink: StoredSink): Promise<CarryFailure | undefined>
}
