import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Dialect } from '../../db/dialect.ts'
import { packageRoot } from '../../src/config.ts'
import { DIALECTS } from '../support/databases.ts'
import { gatewayEnvironment, serveProcess } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { onDialect } from './beside.ts'
import { person } from './resources.ts'
import { eventually } from './waiting.ts'

const WRITES = 12
const CALLS = 'fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,read,recvfrom,recvmsg'

/** Records the system calls of a running process. */
async function traced(pid: number, work: () => Promise<void>): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-strace-'))
  const file = join(folder, 'calls')
  const options = ['-f', '-yy', '-s', '256', '-e', `trace=${CALLS}`, '-o', file, '-p', String(pid)]
  const strace = spawn('strace', options, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  strace.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  const ended = once(strace, 'close')
  try {
    await eventually(() => {
      if (strace.exitCode !== null) throw new Error(`strace ended: ${said}`)
      return / attached/.test(said)
    })
    await work()
  } finally {
    strace.kill('SIGINT')
    await ended
  }
  const calls = readFileSync(file, 'utf8').split('\n')
  rmSync(folder, { recursive: true })
  return calls
}

/** Between reading a POST and the beginning of its 201: whether `wanted` happened, for each of the requests in turn. */
function happenedBeforeAnswer(calls: readonly string[], wanted: RegExp): readonly boolean[] {
  const requests: boolean[] = []
  let pending: boolean | undefined
  for (const call of calls) {
    if (/\b(read|recvfrom|recvmsg)\(.*"POST \//.test(call)) pending = false
    else if (pending !== undefined && wanted.test(call)) pending = true
    else if (pending !== undefined && /\b(write|writev|sendto|sendmsg)\(.*"HTTP\/1\.1 201/.test(call)) {
      requests.push(pending)
      pending = undefined
    }
  }
  return requests
}

const WAL_SYNC = /\b(fsync|fdatasync)\(\d+<[^>]*\.db-wal>\)\s+= 0/

/** A server of twenty lines that acknowledges after a COMMIT, with the `synchronous` it is told. */
const MINIMAL = `
  const Sqlite = require('better-sqlite3'), http = require('node:http')
  const db = new Sqlite(process.argv[1]); db.pragma('journal_mode = WAL'); db.pragma('synchronous = ' + process.argv[2])
  db.exec('CREATE TABLE t (v)')
  http.createServer((req, res) => {
    db.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES ('x'); COMMIT")
    res.writeHead(201); res.end()
  }).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`

async function minimalServer(synchronous: 'FULL' | 'NORMAL'): Promise<readonly boolean[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-sync-'))
  const args = ['-e', MINIMAL, join(folder, 'minimal.db'), synchronous]
  const server = spawn(process.execPath, args, { cwd: packageRoot(), stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer]
    const url = `http://127.0.0.1:${port.toString().trim()}/`
    const calls = await traced(server.pid!, async () => {
      for (let n = 0; n < WRITES; n++) await (await fetch(url, { method: 'POST' })).text()
    })
    return happenedBeforeAnswer(calls, WAL_SYNC)
  } finally {
    await killed(server)
    rmSync(folder, { recursive: true })
  }
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close')
  child.kill('SIGKILL')
  await ended
}

async function gatewayWrites(dialect: Dialect): Promise<readonly string[]> {
  const environment = await gatewayEnvironment(dialect)
  const gateway = await serveProcess(environment)
  const client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
  try {
    return await traced(gateway.child.pid!, async () => {
      for (let n = 0; n < WRITES; n++) {
        const { status, text } = await client.post('/Users', person(`synced-${n}@example.com`))
        expect(status, text).to.equal(201)
      }
    })
  } finally {
    client.close()
    await gateway.end('SIGKILL')
  }
}

const always = Array.from({ length: WRITES }, () => true)
const never = Array.from({ length: WRITES }, () => false)

/** Whether system calls can be watched here: strace is there and may attach to our children. */
function straceProblem(): string | undefined {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).status !== 0) return 'strace is missing'
  const tried = spawnSync('strace', ['-e', 'trace=fsync', '-o', '/dev/null', 'true'], { encoding: 'utf8' })
  return tried.status === 0 ? undefined : `strace may not trace here (${tried.stderr.trim()})`
}

const problem = straceProblem()
if (problem === undefined) {
  onDialect('sqlite', 'durable before acknowledged (R02)', () => {
    it('syncs the write-ahead log between reading a request and answering 201', async () => {
      expect(happenedBeforeAnswer(await gatewayWrites('sqlite'), WAL_SYNC)).to.deep.equal(always)
    })

    it('tells a store that syncs from one that does not, so this suite can fail', async () => {
      expect(await minimalServer('FULL')).to.deep.equal(always)
      expect(await minimalServer('NORMAL')).to.deep.equal(never)
    })
  })

  onDialect('postgres', 'durable before acknowledged (R02)', () => {
    it('has read that PostgreSQL committed before answering 201', async () => {
      const committed = /\b(read|recvfrom)\(.*C\\0\\0\\0\\vCOMMIT\\0/
      expect(happenedBeforeAnswer(await gatewayWrites('postgres'), committed)).to.deep.equal(always)
    })
  })
} else {
  describe('durable before acknowledged (R02)', () => {
    it(`${problem}: R02 was NOT run`, () => {
      console.warn(`\n  WARNING: ${problem}. Durability at a power cut (R02) was NOT tested. Install strace.\n`)
      expect(DIALECTS).not.to.be.empty
    })
  })
}
