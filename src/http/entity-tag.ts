const ENTITY_TAG = /(?:W\/)?"([^"]*)"|[^\s,]+/gi

/**
 * The versions in `If-Match` or `If-None-Match` (RFC 9110 §13.1), weakness and quotes taken off. A tag that was sent
 * without quotes is taken as it stands: some clients do.
 */
export function entityTags(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '') return undefined
  return [...header.matchAll(ENTITY_TAG)].map((match) => match[1] ?? match[0])
}
