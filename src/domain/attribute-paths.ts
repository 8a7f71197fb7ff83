import { isJsonObject, type Json } from './json.ts'
import type { User } from './user.ts'

/** A person's attributes by the paths that records name them by; those of an extension one by one, under its URN. */
export function attributePaths({ attributes, externalId }: Pick<User, 'attributes' | 'externalId'>): Map<string, Json> {
  const entries = Object.entries(attributes).flatMap(([name, value]) =>
    name.startsWith('urn:') && isJsonObject(value)
      ? Object.entries(value).map(([sub, inner]) => [`${name}:${sub}`, inner] as const)
      : [[name, value] as const],
  )
  const paths = new Map<string, Json>()
  if (externalId !== undefined) paths.set('externalId', externalId)
  for (const [path, value] of entries) if (value !== undefined) paths.set(path, value)
  return paths
}

/** A value of an attribute as a record holds it: there are no fractions in records, so they stand there as text. */
export function recordedValue(value: Json): Json {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value)
  if (Array.isArray(value)) return value.map(recordedValue)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, recordedValue(each ?? null)]))
}
