import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { sinkLag } from '../delivery/sink-lag.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { type Sink, SINK_KINDS, type SinkKind, type StoredSink } from '../domain/sink.ts'
import { changeSink, createSink, newSinkId, removeSink, replayDead, switchSink } from '../provisioning/sinks.ts'
import { parseName } from './arguments.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface CreateOptions extends OrgOptions {
  readonly config: JsonObject
  readonly personal?: true
  readonly fromBeginning?: true
  readonly tokenFile?: string
}

/** `rollcall sink`: where the log is delivered to. */
export function sinkCommand(ports: CommandPorts): Command {
  const sink = new Command('sink').description('receivers of the log: webhooks, syslog, security event tokens')
  for (const command of [
    ...[createCommand(ports), listCommand(ports), showCommand(ports), changeCommand(ports), removeCommand(ports)],
    ...[switchCommand(ports, 'pause'), switchCommand(ports, 'resume'), secretCommand(ports), testCommand(ports)],
    ...[deadCommand(ports), replayCommand(ports)],
  ])
    sink.addCommand(command)
  return sink
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function ofSink(name: string, description: string): Command {
  return ofOrg(new Command(name)).description(description).argument('<sink>', 'by id or name')
}

function configOption(description: string): Option {
  return new Option('--config <json>', description).argParser(parseConfig)
}

function parseConfig(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // Said below, for whatever else it is as well.
  }
  throw new InvalidArgumentError(`A JSON object is wanted, e.g. '{"url":"https://siem.example/rollcall"}'.`)
}

function createCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('create'))
    .description('deliver the log to a receiver; its secret, if it has one, is shown once')
    .argument('<name>', 'what it is called', parseName)
    .argument('<kind>', SINK_KINDS.join(', '), parseKind)
    .addOption(
      configOption('webhook, push: url; syslog: host, port, tls, ca, form, facility; all: actions').default({}),
    )
    .option('--personal', 'disclose names, addresses and the like to it')
    .option('--from-beginning', 'begin with the first record there is, not with the next')
    .option('--token-file <file>', 'of push: the bearer token that the receiver asks for')
    .action(async (name: string, kind: SinkKind, options: CreateOptions) => {
      const { made, text } = await ports.withStore(async (operator) => {
        const { id: orgId } = await getOrg(operator, options.org)
        const config = operator.sinks.checkedConfig(kind, options.config)
        const id = newSinkId(Date.now())
        const token = options.tokenFile === undefined ? undefined : tokenIn(options.tokenFile)
        const { text: shown, ...secret } = operator.sinks.secretFor({ orgId, id, kind }, token)
        const from = options.fromBeginning === true ? 'beginning' : 'now'
        const draft = { id, name, kind, config, personal: options.personal === true, from, ...secret } as const
        return { made: await createSink(operator.provisioning, callerIn(operator, orgId), draft).durable, text: shown }
      })
      const said = text === undefined ? '' : `; its secret, shown this once: ${text}`
      const answer = { ...inJson(made), secret: text ?? null }
      ports.out(options.json === true ? json(answer) : `Made the receiver ${made.id}${said}`)
    })
}

function parseKind(text: string): SinkKind {
  const kind = SINK_KINDS.find((one) => one === text)
  if (kind !== undefined) return kind
  throw new InvalidArgumentError(`Wanted is one of ${SINK_KINDS.join(', ')}.`)
}

/** A secret is no argument, since every process of the machine can read those. */
function tokenIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException
    throw new DomainError('invalid-value', `The token in ${printable(file)} cannot be read (${code})`)
  }
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list the receivers, and how far each got')
    .action(async (options: OrgOptions) => {
      const rows = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        const sinks = await operator.reads.sinks.list(id)
        return Promise.all(sinks.map((sink) => withLag(operator, sink)))
      })
      if (options.json === true) {
        ports.out(json(rows))
        return
      }
      const lines = rows.map(({ id, name, kind, state, lag, deadLetters, lastError }) => ({
        ...{ id, name, kind, state, behind: String(lag.records), dead: String(deadLetters), error: lastError ?? '' },
      }))
      ports.out(table(lines, 'The log is delivered to nobody'))
    })
}

function showCommand(ports: CommandPorts): Command {
  return ofSink('show', 'show a receiver, and how far it got').action(async (name: string, options: OrgOptions) => {
    const shown = await ports.withStore(async (operator) => {
      const org = await getOrg(operator, options.org)
      return withLag(operator, await getSink(operator, org, name))
    })
    const lines = Object.entries(shown).map(([what, value]) => {
      const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
      return `${what}: ${printable(text)}`
    })
    ports.out(options.json === true ? json(shown) : lines.join('\n'))
  })
}

interface ChangeOptions extends OrgOptions {
  readonly name?: string
  readonly config?: JsonObject
  readonly personal?: boolean
}

function changeCommand(ports: CommandPorts): Command {
  return ofSink('change', 'change a receiver; it goes on where it is')
    .option('--name <name>', 'what it is called', parseName)
    .addOption(configOption('all of its config'))
    .option('--personal', 'disclose names, addresses and the like to it')
    .option('--no-personal', 'leave them as commitments')
    .action(async (name: string, options: ChangeOptions) => {
      const { config, personal } = options
      const { value, changed } = await withSink(ports, name, options, (operator, sink) => {
        const checked = config && operator.sinks.checkedConfig(sink.kind, config)
        const wish = { name: options.name, personal, config: checked }
        return changeSink(operator.provisioning, callerIn(operator, sink.orgId), sink.id, wish).durable
      })
      const said = changed ? `Changed the receiver ${printable(value.name)}` : 'Nothing changed'
      ports.out(options.json === true ? json(inJson(value)) : said)
    })
}

function removeCommand(ports: CommandPorts): Command {
  return ofSink('remove', 'end a receiver, with its dead letters').action(async (name: string, options: OrgOptions) => {
    const id = await withSink(ports, name, options, async (operator, sink) => {
      await removeSink(operator.provisioning, callerIn(operator, sink.orgId), sink.id).durable
      return sink.id
    })
    ports.out(options.json === true ? json({ id, state: 'removed' }) : `Removed the receiver ${id}`)
  })
}

function switchCommand(ports: CommandPorts, verb: 'pause' | 'resume'): Command {
  const [what, to] =
    verb === 'pause'
      ? (['stop deliveries; the receiver keeps its place in the log', 'paused'] as const)
      : (['go on with deliveries, at once, where they stopped', 'active'] as const)
  return ofSink(verb, what).action(async (name: string, options: OrgOptions) => {
    const sink = await withSink(ports, name, options, (operator, { orgId, id }) => {
      return switchSink(operator.provisioning, callerIn(operator, orgId), id, to).durable
    })
    ports.out(options.json === true ? json(inJson(sink)) : `${printable(sink.name)} is ${sink.state}`)
  })
}

function secretCommand(ports: CommandPorts): Command {
  return ofSink('secret', 'make another secret, shown once; the one before is good no more').action(
    async (name: string, options: OrgOptions) => {
      const text = await withSink(ports, name, options, async (operator, sink) => {
        const { text: made, ...secret } = operator.sinks.secretFor(sink)
        if (made === undefined) throw new DomainError('invalid-value', 'Only webhooks and polling receivers have one')
        await changeSink(operator.provisioning, callerIn(operator, sink.orgId), sink.id, { secret }).durable
        return made
      })
      ports.out(options.json === true ? json({ secret: text }) : `The secret, shown this once: ${text}`)
    },
  )
}

function testCommand(ports: CommandPorts): Command {
  return ofSink('test', 'send a message that is no record, and say what came of it').action(
    async (name: string, options: OrgOptions) => {
      const failure = await withSink(ports, name, options, (operator, sink) => operator.sinks.test(sink))
      if (options.json === true) ports.out(json({ arrived: failure === undefined, error: failure?.error ?? null }))
      else if (failure === undefined) ports.out('It arrived')
      if (failure !== undefined) throw new DomainError('unavailable', `It did not arrive: ${failure.error}`)
    },
  )
}

function deadCommand(ports: CommandPorts): Command {
  return ofSink('dead', 'list the newest records that a receiver would not take').action(
    async (name: string, options: OrgOptions) => {
      const letters = await withSink(ports, name, options, (operator, { orgId, id }) =>
        operator.reads.sinks.dead(orgId, id, { before: undefined, limit: 1_000 }),
      )
      const rows = letters.map(({ position, status, error, at, again }) => ({
        ...{ position: `${position.epoch}.${position.seq}`, at: time(at), status: String(status ?? ''), error },
        again: again ? 'waits' : '',
      }))
      ports.out(options.json === true ? json(rows) : table(rows, 'No dead letters'))
    },
  )
}

function replayCommand(ports: CommandPorts): Command {
  return ofSink('replay', 'send dead letters again, ahead of what is new')
    .argument('[position]', 'one of them, as dead shows it; all without it', parsePosition)
    .action(async (name: string, position: { epoch: number; seq: number } | undefined, options: OrgOptions) => {
      const queued = await withSink(ports, name, options, (operator, { orgId, id }) => {
        return replayDead(operator.provisioning, callerIn(operator, orgId), id, position).durable
      })
      const said = queued === 0 ? 'There are none' : `${queued} will be sent again`
      ports.out(options.json === true ? json({ queued }) : said)
    })
}

function parsePosition(text: string): { readonly epoch: number; readonly seq: number } {
  const [, epoch, seq] = /^(\d{1,9})\.(\d{1,15})$/.exec(text) ?? []
  if (seq !== undefined) return { epoch: Number(epoch), seq: Number(seq) }
  throw new InvalidArgumentError('Wanted is a position as "sink dead" shows it, e.g. 1.42.')
}

/** Runs something for the receiver that a command names. @throws DomainError `not-found` */
async function withSink<T>(
  ports: CommandPorts,
  name: string,
  { org }: OrgOptions,
  run: (operator: Operator, sink: StoredSink) => Promise<T>,
): Promise<T> {
  return ports.withStore(async (operator) => run(operator, await getSink(operator, await getOrg(operator, org), name)))
}

async function getSink({ reads }: Operator, org: OrgSummary, name: string): Promise<StoredSink> {
  const key = fold(name)
  const known = (await reads.sinks.list(org.id)).find((sink) => sink.id === name || fold(sink.name) === key)
  const found = known && (await reads.sinks.find(org.id, known.id))
  if (found !== undefined) return found
  throw new DomainError('not-found', `"${org.name}" has no receiver "${name}"; see: rollcall sink list --org ${org.id}`)
}

function callerIn(operator: Operator, orgId: OrgSummary['id']) {
  return { orgId, connection: undefined, ...operator.operation() }
}

async function withLag({ reads }: Operator, sink: Sink) {
  const counts = await reads.sinks.deadCounts(sink.orgId)
  const lag = await sinkLag(reads.records, sink, Date.now())
  return { ...inJson(sink), lag, deadLetters: counts.get(sink.id) ?? 0 }
}

function inJson({ id, name, kind, config, personal, state, progress, created }: Sink) {
  const { acked, attempts, failingSince, lastError, delivered } = progress
  return {
    ...{ id, name, kind, config, personal, state, seq: acked.seq, attempts, lastError: lastError ?? null },
    ...{ failingSince: orNull(failingSince), lastDelivery: orNull(delivered), created: time(created) },
  }
}

function orNull(at: number | undefined): string | null {
  return at === undefined ? null : time(at)
}
