import type { DnsServer } from '../support/dns-server.ts'
import type { TestGateway } from '../support/gateway.ts'

/** What the commands before have made, by the names that arguments have for it. */
export type Ids = Record<string, string>

/** A server, with the commands beside it. */
export interface Beside {
  readonly gateway: TestGateway
  readonly dns: DnsServer
  readonly folder: string
  readonly ids: Ids
  /** Runs a command with `--json`. @returns its answer */
  readonly ask: (...args: readonly string[]) => Promise<unknown>
  /** Asks as the identity provider. @returns the body */
  readonly scim: (method: string, path: string, body?: unknown) => Promise<unknown>
}

export interface CommandStep {
  /** The command with its arguments; `{name}` is the id of that name. */
  readonly args: readonly string[]
  /** What is done by other ways first, so that the command has something to do. */
  readonly arrange?: (beside: Beside) => unknown
  /** The name under which the id that is answered is kept. */
  readonly makes?: string
  /** What records say of it among other things, old and new values; ids are `{name}` here too. */
  readonly says: readonly string[]
}

/** Arguments that hold no spaces. */
export const words = (text: string): readonly string[] => text.split(' ')
