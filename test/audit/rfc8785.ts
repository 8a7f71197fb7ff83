import canonicalize from 'canonicalize'

/** An implementation of RFC 8785 that is not ours. Its types describe a default export its CommonJS does not have. */
export const rfc8785 = canonicalize as unknown as (value: unknown) => string | undefined
