import { DomainError } from './errors.ts'
import type { JsonObject } from './json.ts'

/** Where a team keeps its files, by the names W&B's `storageBucket` has. */
export interface StorageBucket {
  readonly name: string
  readonly provider: string
  readonly path?: string
  readonly kmsKeyId?: string
  readonly awsExternalId?: string
  readonly azureTenantId?: string
  readonly azureClientId?: string
}

export const STORAGE_PROVIDERS: readonly string[] = ['COREWEAVE', 'AWS', 'AZURE', 'GCP', 'MINIO']

const MAX_BUCKET_TEXT = 1_024
const BUCKET_KEYS = ['path', 'kmsKeyId', 'awsExternalId', 'azureTenantId', 'azureClientId'] as const

/**
 * A storage bucket as a client states it: `name` and a `provider` in upper case are required, the rest is optional text,
 * and what is none of its keys is refused. Whether the bucket can be reached is not tried.
 * @throws DomainError `invalid-value` naming the field, for the provider with all that are allowed
 */
export function readStorageBucket(value: JsonObject): StorageBucket {
  const known = new Set<string>(['name', 'provider', ...BUCKET_KEYS])
  const unknown = Object.keys(value).find((key) => !known.has(key))
  if (unknown !== undefined)
    throw invalid('storageBucket', `storageBucket has no ${JSON.stringify(unknown.slice(0, 80))}.`)
  const name = bucketText(value, 'name')
  if (name === undefined) throw invalid('storageBucket.name', 'storageBucket.name is required.')
  const provider = bucketText(value, 'provider')
  if (provider === undefined || !STORAGE_PROVIDERS.includes(provider)) {
    throw invalid('storageBucket.provider', `storageBucket.provider must be one of ${STORAGE_PROVIDERS.join(', ')}.`)
  }
  const rest = BUCKET_KEYS.flatMap((key) => {
    const text = bucketText(value, key)
    return text === undefined ? [] : [[key, text] as const]
  })
  return { name, provider, ...Object.fromEntries(rest) }
}

function bucketText(value: JsonObject, key: string): string | undefined {
  const text = Object.hasOwn(value, key) ? value[key] : undefined
  if (text === undefined || text === null || text === '') return undefined
  const path = `storageBucket.${key}`
  if (typeof text !== 'string') throw invalid(path, `${path} must be text.`)
  if (text.length > MAX_BUCKET_TEXT || /\p{Cc}/u.test(text)) {
    throw invalid(path, `${path} must be at most ${MAX_BUCKET_TEXT} characters, none of them a control character.`)
  }
  return text
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}
