import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express, { type RequestHandler } from 'express'
import request from 'supertest'
import { requestContext } from '../../src/http/request-context.ts'
import { installSend } from '../../src/scim/deliver.ts'
import { Reply } from '../../src/scim/reply.ts'

function serving(body: () => Reply['body'], failures: unknown[] = []) {
  const app = express().disable('etag').disable('x-powered-by')
  const handler: RequestHandler = (_req, res) => {
    const pieces = body()
    res.send(new Reply(200, pieces === undefined ? {} : { body: pieces }))
  }
  app.use(
    requestContext(),
    installSend((error) => failures.push(error)),
    handler,
  )
  return app
}

async function* pieces(count: number, fail?: number): AsyncGenerator<string> {
  for (let i = 0; i < count; i++) {
    if (i === fail) throw new Error('the store is gone')
    yield `${i},`
  }
}

describe('the writer of answers', () => {
  it('sends one piece whole with its length, and several without', async () => {
    const one = await request(serving(() => pieces(1)))
      .get('/')
      .buffer(true)
      .parse(collect)
    expect([one.headers['content-length'], one.headers['transfer-encoding']]).to.deep.equal(['2', undefined])
    const many = await request(serving(() => pieces(3)))
      .get('/')
      .buffer(true)
      .parse(collect)
    expect([many.headers['content-length'], many.headers['transfer-encoding']]).to.deep.equal([undefined, 'chunked'])
    expect(many.body).to.equal('0,1,2,')
  })

  it('asks for no piece when only the headers are wanted', async () => {
    let asked = 0
    const body = async function* () {
      asked += 1
      yield '{}'
    }
    const answer = await request(serving(body)).head('/')
    expect([answer.status, answer.headers['content-type'], asked]).to.deep.equal([200, 'application/scim+json', 0])
  })

  it('turns a failure before the first byte into an error answer', async () => {
    const failures: unknown[] = []
    const answer = await request(serving(() => pieces(2, 0), failures))
      .get('/')
      .buffer(true)
      .parse(collect)
    expect(answer.status).to.equal(500)
    expect(answer.body).to.not.include('the store is gone')
    expect(failures).to.have.length(1)
  })

  it('breaks the connection off when a body fails half way, so that it never looks complete', async () => {
    const failures: unknown[] = []
    const server = createServer((req, res) => void serving(() => pieces(9, 5), failures)(req, res)).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const outcome = await new Promise<string>((resolve, reject) => {
      get({ port, host: '127.0.0.1' }, (res: IncomingMessage) => {
        res.on('data', () => undefined)
        res.on('end', () => resolve('complete'))
        res.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
      }).on('error', reject)
    })
    expect(outcome).to.equal('ECONNRESET')
    expect(failures).to.have.length(1)
    server.close()
  })

  it('ends the source of a body when the client goes away, and reports nothing', async () => {
    const failures: unknown[] = []
    let ended: () => void = () => undefined
    const closed = new Promise<void>((resolve) => {
      ended = resolve
    })
    const endless = async function* () {
      try {
        for (;;) yield 'x'.repeat(64 * 1024)
      } finally {
        ended()
      }
    }
    const server = createServer((req, res) => void serving(endless, failures)(req, res)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    get({ port, host: '127.0.0.1' }, (res) => {
      res.once('data', () => res.destroy())
      res.on('error', () => undefined)
    }).on('error', () => undefined)
    await closed
    expect(failures).to.have.length(0)
    server.close()
  })
})

function collect(res: unknown, done: (error: Error | null, body: string) => void): void {
  const source = res as NodeJS.ReadableStream
  let text = ''
  source.on('data', (chunk: Buffer) => (text += chunk.toString()))
  source.on('end', () => done(null, text))
}
