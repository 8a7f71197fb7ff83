/**
 * What is wrong, and no more than can be known: a swap, a deletion or an insertion shows as a broken link or a gap at
 * the first record that does not fit.
 */
export type FindingKind =
  | 'body edited'
  | 'link broken'
  | 'gap'
  | 'duplicate'
  | 'head mismatch'
  | 'column differs'
  | 'time went back'
  | 'shorter than checkpoint'
  | 'checkpoint differs'
  | 'checkpoint missing'
  | 'bad signature'
  | 'untrusted key'

/** The first record (or missing record) that does not fit. */
export interface Finding {
  readonly seq: number
  readonly kind: FindingKind
  /** The column, for `column differs`. */
  readonly column?: string
  /** Seq of the checkpoint, for `shorter than checkpoint`. */
  readonly checkpoint?: number
  /** Id of the key, for `untrusted key`. */
  readonly key?: string
}
