import type { Dialect } from '../../db/dialect.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { createServiceReads } from '../../src/provisioning/service-reads.ts'
import { deliverLogs } from '../../src/sink-wiring.ts'
import { type AdminGateway, type ApiAnswer, type ApiClient, openAdminGateway } from '../admin/api.ts'

/** The admin API over a store, with what delivers the log from it. */
export interface SinkGateway extends AdminGateway {
  readonly admin: ApiClient
  /** What was told as a failure of ours. */
  readonly problems: string[]
  /** Another instance that delivers from the same store. */
  deliver(): Courier
  /** Ends every instance that delivers, and starts another. */
  replace(): Promise<void>
}

/** Receivers on this machine are allowed, and failures are tried again after 10 ms, doubled each time. */
export async function openSinkGateway(dialect: Dialect): Promise<SinkGateway> {
  const gateway = await openAdminGateway(dialect, undefined, { ALLOW_PRIVATE_SINKS: 'true' })
  const couriers: Courier[] = []
  const problems: string[] = []
  const { opened, config, publicUrl, tenant } = gateway
  const deliver = (): Courier => {
    const courier = deliverLogs({
      ...{ config, opened, publicUrl, provisioning: tenant.provisioning, firstWaitMs: 10 },
      serviceReads: createServiceReads(tenant.provisioning.work, Date.now),
      onProblem: (message, error) => problems.push(`${message}: ${String(error)}`),
    })
    couriers.push(courier)
    return courier
  }
  deliver()
  const end = () => Promise.all(couriers.splice(0).map((courier) => courier.stop(0)))
  return {
    ...gateway,
    ...{ problems, deliver, admin: gateway.client(await gateway.key('admin')) },
    async replace() {
      await end()
      deliver()
    },
    async close() {
      await end()
      await gateway.close()
    },
  }
}

/** A receiver as the admin API shows it. */
export interface ShownSink {
  readonly id: string
  readonly state: string
  readonly seq: number
  readonly lag: { readonly records: number; readonly seconds: number }
  readonly attempts: number
  readonly failingSince: string | null
  readonly lastError: string | null
  readonly deadLetters: number
  readonly secret?: string
}

export function sinkIn(answer: ApiAnswer): ShownSink {
  if (answer.status >= 300) throw new Error(answer.text)
  return answer.json as unknown as ShownSink
}

/** The head of an org's log. */
export async function headOf({ test }: AdminGateway, orgId: OrgId): Promise<number> {
  return (await test.store.reads.records.head(orgId))?.seq ?? 0
}

/** Resolves after so many milliseconds, for what must not happen meanwhile. */
export function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
