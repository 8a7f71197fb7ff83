import type { OrgId } from './ids.ts'

/** A token of an issuer that works once. */
export interface OnceToken {
  /** SHA-256 (32 bytes) of what it is for, its issuer and its `jti`. */
  readonly hash: Uint8Array
  /** When it would not be taken any more in any case, epoch milliseconds. */
  readonly expires: number
}

/** Tokens that were used: in the transaction of what they do, so that one whose work failed may be sent again. */
export interface SpentTokenWrites {
  /** Uses a token up. @returns false where it was used before, on whatever instance */
  spend(orgId: OrgId, token: OnceToken, at: number): Promise<boolean>
}
