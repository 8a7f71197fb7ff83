import { Command } from 'commander'
import type { ForkedChain } from '../audit/forks.ts'
import { type Warning, warningText } from '../domain/warning.ts'
import { listWarnings } from '../provisioning/list-warnings.ts'
import { json, table } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

interface OrgWarning {
  readonly org: string
  readonly warning: Warning
}

/** `rollcall doctor`: what works today and may not tomorrow, of every org. */
export function doctorCommand(ports: CommandPorts): Command {
  return new Command('doctor')
    .description('report what works today and may not tomorrow, and what cannot be reached: mail server, directories')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly json?: true }) => {
      let forked: readonly ForkedChain[] = []
      const unreached: Reported[] = []
      const found = await ports.withStore(async (operator) => {
        const { reads } = operator
        forked = operator.log.forks.forked()
        const now = operator.operation().request.receivedAt
        const warnings: OrgWarning[] = []
        unreached.push(...(await unreachedOf(operator)), ...(await unkeptOf(operator)))
        for (const { id, name } of await reads.orgs.list()) {
          for (const warning of await listWarnings(reads, id, now)) warnings.push({ org: name, warning })
        }
        return warnings
      })
      const rows = found.map(({ org, warning }) => ({ org, code: warning.code, message: warningText(warning) }))
      const inJson = found.map(({ org, warning }) => ({ org, ...warning, message: warningText(warning) }))
      const forks = forked.map(({ orgId, outside }) => ({ org: orgId, code: 'log.forked', message: forkText(outside) }))
      const first = [...forks, ...unreached]
      ports.out(options.json === true ? json([...first, ...inJson]) : table([...first, ...rows], 'Nothing to report'))
    })
}

type Reported = Readonly<Record<'org' | 'code' | 'message', string>>

async function unreachedOf({ mail, reads, unreachableDirectories }: Operator): Promise<readonly Reported[]> {
  const found: Reported[] = []
  const problem = await mail?.check()
  if (mail !== undefined && problem !== undefined) {
    const message = `The mail server ${mail.server} cannot be used, and mail waits for it: ${problem}`
    found.push({ org: '', code: 'mail.unreachable', message })
  }
  for (const { id, name: org } of await reads.orgs.list()) {
    for (const directory of await unreachableDirectories(id)) {
      const message = `Nobody can sign in by the directory "${directory.name}": ${directory.problem}`
      found.push({ org, code: 'directory.unreachable', message })
    }
  }
  return found
}

/** Orgs that ask for their old records to be purged where no pack of them could be kept. */
async function unkeptOf({ reads, packDir }: Operator): Promise<readonly Reported[]> {
  if (packDir !== undefined) return []
  const found: Reported[] = []
  for (const { id, name: org } of await reads.orgs.list()) {
    const { logKeepDays } = (await reads.orgs.policy(id)).settings
    if (logKeepDays === undefined) continue
    const message = `Records older than ${logKeepDays} days (log.keepDays) are not purged: ROLLCALL_PACK_DIR names no folder for evidence packs`
    found.push({ org, code: 'log.not-purged', message })
  }
  return found
}

function forkText({ epoch, seq }: ForkedChain['outside']): string {
  return `The log does not go on from its checkpoint outside the store (record ${seq} of epoch ${epoch}), so nothing is written; find out why, then: rollcall log accept-fork`
}
