import type { VNode } from 'preact'
import type { SinkLag } from '../delivery/sink-lag.ts'
import type { DeadLetter, Sink, SinkKind } from '../domain/sink.ts'
import { OrgPage, type Said } from './org-page.tsx'
import { Act, Link, shownTime, Table, Time } from './page.tsx'

const HERE = '/org/receivers'

const KINDS: Readonly<Record<SinkKind, string>> = {
  webhook: 'webhook',
  syslog: 'syslog',
  push: 'security events, pushed',
  poll: 'security events, polled',
}

const STATES: Readonly<Record<Sink['state'], string>> = {
  active: 'active',
  paused: 'paused',
  suspended: 'suspended: nothing arrived for three days',
}

interface Row {
  readonly sink: Sink
  readonly lag: SinkLag
  readonly dead: number
}

/** All receivers, and how far each is. */
export function ReceiversPage({ rows }: { readonly rows: readonly Row[] }): VNode {
  return (
    <OrgPage title="Receivers of the log" at={HERE}>
      {rows.length > 0 ? null : (
        <p>
          The log is delivered nowhere. Receivers are made by <code>rollcall sink create</code>, or over the API.
        </p>
      )}
      {rows.length === 0 ? null : (
        <Table label="Receivers" columns={['Receiver', 'Kind', 'State', 'Behind', 'Would not take']}>
          {rows.map(({ sink, lag, dead }) => (
            <tr key={sink.id}>
              <td>
                <Link to={`${HERE}/${sink.id}`}>{sink.name}</Link>
              </td>
              <td>{KINDS[sink.kind]}</td>
              <td>{STATES[sink.state]}</td>
              <td>{behind(lag)}</td>
              <td>{records(dead)}</td>
            </tr>
          ))}
        </Table>
      )}
    </OrgPage>
  )
}

function records(count: number): string {
  return count === 1 ? '1 record' : `${count} records`
}

function behind({ records: count, seconds }: SinkLag): string {
  return count === 0 ? 'not at all' : `${records(count)}, ${ageOf(seconds)}`
}

/** The largest unit that is full, which is what matters of how late something is. */
function ageOf(seconds: number): string {
  const [unit, size] = (
    [
      ['days', 86_400],
      ['hours', 3_600],
      ['minutes', 60],
    ] as const
  ).find(([, each]) => seconds >= 2 * each) ?? ['seconds', 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

interface ReceiverProps {
  readonly sink: Sink
  readonly lag: SinkLag
  /** The newest. */
  readonly dead: readonly DeadLetter[]
  /** How many there are of them. */
  readonly count: number
  readonly mayChange: boolean
  readonly said: Said | undefined
}

/** One receiver: where it is, what went wrong, what it would not take. */
export function ReceiverPage({ sink, lag, dead, count, mayChange, said }: ReceiverProps): VNode {
  const { id, name, state } = sink
  const fields = { receiver: id }
  return (
    <OrgPage title={name} at={HERE} said={said}>
      <Facts sink={sink} lag={lag} />
      {mayChange && state === 'active' ? (
        <Act action={`${HERE}/pause`} fields={fields} label="Pause" of={name} />
      ) : null}
      {mayChange && state !== 'active' ? (
        <Act action={`${HERE}/resume`} fields={fields} label="Go on" of={name} />
      ) : null}
      <h2>Records that it would not take</h2>
      {count === 0 ? (
        <p>There are none.</p>
      ) : (
        <DeadTable sink={sink} dead={dead} mayReplay={mayReplay(sink, mayChange)} />
      )}
      {count > dead.length ? <p>{`These are the newest of ${count}.`}</p> : null}
      {count > 0 && mayReplay(sink, mayChange) ? (
        <Act action={`${HERE}/replay`} fields={fields} label="Send all of them again" />
      ) : null}
    </OrgPage>
  )
}

/** A receiver that polls is sent nothing: it reads what it lacks. */
function mayReplay({ kind }: Sink, mayChange: boolean): boolean {
  return mayChange && kind !== 'poll'
}

function Facts({ sink, lag }: { readonly sink: Sink; readonly lag: SinkLag }): VNode {
  const { kind, state, config, personal, progress } = sink
  const { attempts, failingSince, next, lastError, delivered, acked } = progress
  const told: readonly (readonly [string, string | undefined])[] = [
    ['Kind', KINDS[kind]],
    ['State', STATES[state]],
    ['Behind', behind(lag)],
    ['Done with', `record ${acked.seq}`],
    ['Last delivery', delivered === undefined ? 'none yet' : shownTime(delivered)],
    ['Failing', failingSince === undefined ? undefined : `since ${shownTime(failingSince)}, ${attempts} in a row`],
    ['Last failure', lastError],
    ['Next attempt', state === 'active' && next > 0 ? shownTime(next) : undefined],
    ['Personal values', personal ? 'disclosed to it' : 'kept from it'],
    ...Object.entries(config).map(([key, value]) => [key, textOf(value)] as const),
  ]
  return (
    <dl>
      {told.map(([term, value]) =>
        value === undefined ? null : (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

interface DeadTableProps {
  readonly sink: Sink
  readonly dead: readonly DeadLetter[]
  readonly mayReplay: boolean
}

function DeadTable({ sink, dead, mayReplay: mayAct }: DeadTableProps): VNode {
  const columns = ['Record', 'When', 'Why', ...(mayAct ? ['Send it again'] : [])]
  return (
    <Table label="Records it would not take" columns={columns}>
      {dead.map(({ position: { epoch, seq }, at, status, error, again }) => (
        <tr key={`${epoch}.${seq}`}>
          <td>{seq}</td>
          <td>
            <Time at={at} />
          </td>
          <td>{status === undefined ? error : `${status}: ${error}`}</td>
          {mayAct ? <td>{again ? 'waits to be sent' : <Again sink={sink} epoch={epoch} seq={seq} />}</td> : null}
        </tr>
      ))}
    </Table>
  )
}

function Again({ sink, epoch, seq }: { readonly sink: Sink; readonly epoch: number; readonly seq: number }): VNode {
  const fields = { receiver: sink.id, position: `${epoch}.${seq}` }
  return <Act action={`${HERE}/replay`} fields={fields} label="Send again" of={`record ${seq}`} />
}
