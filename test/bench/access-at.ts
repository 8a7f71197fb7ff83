import { Connection } from './http-client.ts'
import type { Directory } from './directory.ts'
import { type Latency, latencyOf } from './measure.ts'
import type { Server } from './servers.ts'

const QUESTIONS = 200

/** Asks who one person was at an instant: the report of access, of people all over the directory, at times of the log. */
export async function measureAccessAt(server: Server, adminKey: string, { users }: Directory): Promise<Latency> {
  const connection = new Connection(server.port, adminKey)
  const times: number[] = []
  for (let i = 0; i < QUESTIONS; i++) {
    const user = users[(i * 7_919) % users.length]!
    // Ids begin with the time they were made at (RFC 9562 §5.7), which is that of the person's first record.
    const at = new Date(Number.parseInt(user.replaceAll('-', '').slice(0, 12), 16) + 1_000).toISOString()
    const path = `/api/v1/reports/access?user=${user}&at=${encodeURIComponent(at)}`
    const { status, totalMs, text } = await connection.send({ method: 'GET', path })
    if (status !== 200) throw new Error(`Access at ${at} was answered by ${status}: ${text.slice(0, 300)}`)
    times.push(totalMs)
  }
  connection.close()
  return latencyOf(times)
}
