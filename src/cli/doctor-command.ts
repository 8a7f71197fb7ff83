import { Command } from 'commander'
import type { ForkedChain } from '../audit/forks.ts'
import { type Warning, warningText } from '../domain/warning.ts'
import { listWarnings } from '../provisioning/list-warnings.ts'
import { json, table } from './output.ts'
import type { CommandPorts } from './ports.ts'

interface OrgWarning {
  readonly org: string
  readonly warning: Warning
}

/** `rollcall doctor`: what works today and may not tomorrow, of every org. */
export function doctorCommand(ports: CommandPorts): Command {
  return new Command('doctor')
    .description('report what works today and may not tomorrow: single admins, connections without a credential')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly json?: true }) => {
      let forked: readonly ForkedChain[] = []
      const found = await ports.withStore(async (operator) => {
        const { reads } = operator
        forked = operator.log.forks.forked()
        const now = operator.operation().request.receivedAt
        const warnings: OrgWarning[] = []
        for (const { id, name } of await reads.orgs.list()) {
          for (const warning of await listWarnings(reads, id, now)) warnings.push({ org: name, warning })
        }
        return warnings
      })
      const rows = found.map(({ org, warning }) => ({ org, code: warning.code, message: warningText(warning) }))
      const inJson = found.map(({ org, warning }) => ({ org, ...warning, message: warningText(warning) }))
      const forks = forked.map(({ orgId, outside }) => ({ org: orgId, code: 'log.forked', message: forkText(outside) }))
      ports.out(options.json === true ? json([...forks, ...inJson]) : table([...forks, ...rows], 'Nothing to report'))
    })
}

function forkText({ epoch, seq }: ForkedChain['outside']): string {
  return `The log does not go on from its checkpoint outside the store (record ${seq} of epoch ${epoch}), so nothing is written; find out why, then: rollcall log accept-fork`
}
