import { Command } from 'commander'
import { logKeyId, publicKeyPem } from '../audit/log-key.ts'
import { DomainError } from '../domain/errors.ts'
import { acceptFork } from '../provisioning/accept-fork.ts'
import { getOrg } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts } from './ports.ts'

/** `rollcall log key`: what an auditor notes down. */
export function logKeyCommand(ports: CommandPorts): Command {
  return new Command('key')
    .description('show the public key that checkpoints of the log are signed with, and its fingerprint')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly json?: true }) => {
      const { keyId, pem } = await ports.withStore(({ log: { publicKey } }) =>
        Promise.resolve({ keyId: logKeyId(publicKey), pem: publicKeyPem(publicKey) }),
      )
      ports.out(options.json === true ? json({ keyId, pem }) : `${pem}fingerprint: ${keyId}`)
    })
}

interface AcceptOptions {
  readonly org?: string
  readonly reason: string
  readonly json?: true
}

/** `rollcall log accept-fork`. */
export function acceptForkCommand(ports: CommandPorts): Command {
  return new Command('accept-fork')
    .description('let an older or other store be written on, although its log does not go on from what is kept outside')
    .option('--org <org>', 'one organisation, by id or name; else every one that forked')
    .requiredOption('--reason <text>', 'why, for the log')
    .option('--json', 'answer in JSON')
    .action(async (options: AcceptOptions) => {
      const accepted = await ports.withStore(async (operator) => {
        const { log, provisioning } = operator
        const org = options.org === undefined ? undefined : await getOrg(operator, options.org)
        const chosen = log.forks.forked().filter(({ orgId }) => org === undefined || orgId === org.id)
        const done: { readonly org: string; readonly seq: number }[] = []
        for (const { orgId, outside, head } of chosen) {
          if (head === undefined) throw lostOrg(orgId)
          log.forks.lift(orgId)
          const decision = { action: 'log.fork', lost: outside, reason: options.reason } as const
          done.push({
            org: orgId,
            seq: (await acceptFork(provisioning, operator.operation(), orgId, decision).durable).seq,
          })
        }
        await log.write()
        return done
      })
      if (options.json === true) ports.out(json(accepted))
      else if (accepted.length === 0) ports.out('No log has forked')
      else ports.out(accepted.map(({ org, seq }) => `${printable(org)}: accepted by record ${seq}`).join('\n'))
    })
}

function lostOrg(orgId: string): DomainError {
  return new DomainError(
    'not-found',
    `The organisation ${orgId}, which has checkpoints outside, is not in this store at all: there is no log to go on with. Take its lines out of the checkpoint file, keeping a copy, if that is meant`,
  )
}
