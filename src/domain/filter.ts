export type AttributeType =
  'string' | 'boolean' | 'integer' | 'decimal' | 'dateTime' | 'reference' | 'binary' | 'complex'

/** An attribute a filter, a sort or a path names, resolved against the schema. */
export interface AttributeRef {
  /**
   * Canonical names from the resource (or, inside a value path, from the element): `['userName']`,
   * `['name','givenName']`, `['emails','value']`, `['urn:…:enterprise:2.0:User','department']`.
   */
  readonly path: readonly string[]
  readonly type: AttributeType
  readonly caseExact: boolean
  /** Whether any segment of the path is multi-valued: the comparison holds if one value satisfies it. */
  readonly multiValued: boolean
}

export type Comparison = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le'

/** A literal already typed by its attribute: dateTimes are epoch milliseconds (UTC). */
export type Literal = string | number | boolean

/**
 * A parsed filter (RFC 7644 §3.4.2.2) with two-valued logic: a missing attribute makes every comparison false, `ne` is
 * `not eq`, `eq null` was parsed to `not pr`.
 */
export type Filter =
  | { readonly kind: 'compare'; readonly at: AttributeRef; readonly op: Comparison; readonly value: Literal }
  | { readonly kind: 'present'; readonly at: AttributeRef }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  /** `emails[…]`: one element of the multi-valued attribute satisfies `where`, whose refs are relative to the element. */
  | { readonly kind: 'some'; readonly at: AttributeRef; readonly where: Filter }
  | { readonly kind: 'constant'; readonly value: boolean }
