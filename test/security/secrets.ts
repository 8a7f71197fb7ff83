import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { Dialect } from '../../db/dialect.ts'
import { loadConfig } from '../../src/config.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/http/logging.ts'
import { type GatewayEnvironment, gatewayEnvironment } from '../support/gateway.ts'
import { rowsOf } from './orgs.ts'

/** Keeps all that is written to it. */
export class Written extends Writable {
  readonly #chunks: Buffer[] = []

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk)
    done()
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  lines(): readonly Readonly<Record<string, unknown>>[] {
    const texts = this.bytes().toString('utf8').split('\n').filter(Boolean)
    return texts.map((text) => JSON.parse(text) as Record<string, unknown>)
  }
}

/** A gateway whose process log, to the last detail, is kept. */
export interface LoggedGateway extends GatewayEnvironment {
  readonly gateway: Gateway
  readonly base: string
  readonly log: Written
  /** Stops the gateway and removes its folder; the log stays. */
  stop(): Promise<void>
}

export async function startLoggedGateway(
  dialect: Dialect,
  more: Readonly<Record<string, string>> = {},
): Promise<LoggedGateway> {
  const environment = await gatewayEnvironment(dialect, { LOG_LEVEL: 'trace', ...more })
  const log = new Written()
  const config = loadConfig(environment.env)
  const gateway = await startGateway(config, createLogger(config.log.level, log))
  return {
    ...environment,
    gateway,
    base: `${environment.url}/scim/v2`,
    log,
    async stop() {
      await gateway.stop()
      rmSync(environment.dataDir, { recursive: true, force: true })
    },
  }
}

/** A place that was searched, and what stood in it. */
export interface Place {
  readonly name: string
  readonly bytes: Buffer
}

/**
 * Everything the store keeps: every row of every table, and on SQLite the file, its WAL and whatever else lies in the
 * data folder, except the key file, whose one purpose is to hold the key.
 */
export async function storePlaces(gateway: Gateway, dataDir: string): Promise<readonly Place[]> {
  const rows = { name: 'tables', bytes: Buffer.from((await rowsOf(gateway)).join('\n')) }
  const files = readdirSync(dataDir).filter((name) => name !== 'master.key')
  return [rows, ...files.map((name) => ({ name, bytes: readFileSync(join(dataDir, name)) }))]
}

/** The names of the places that hold a secret, as it is or in hexadecimal or base64. */
export function placesHolding(secret: string | Uint8Array, places: readonly Place[]): readonly string[] {
  const forms = formsOf(Buffer.from(secret as string))
  return places.filter(({ bytes }) => forms.some((form) => bytes.includes(form))).map(({ name }) => name)
}

/** Base64 depends on where in its text the secret begins: the part that is the same at each of the three offsets. */
function formsOf(secret: Buffer): readonly (Buffer | string)[] {
  const inBase64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), secret])
      .toString('base64')
      .replace(/=+$/, '')
    return text.slice(offset === 0 ? 0 : offset + 1, -1)
  })
  const hex = secret.toString('hex')
  return [
    secret,
    hex,
    hex.toUpperCase(),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ]
}
