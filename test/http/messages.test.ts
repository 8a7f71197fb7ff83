import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express from 'express'
import { createHttpServer } from '../../src/http/limits.ts'
import { createMessages } from '../../src/http/messages.ts'

describe('requests and answers of a server', () => {
  it('are born as those of its Express app, which then changes no prototype (src/http/messages.ts)', async () => {
    const app = express()
    const messages = createMessages()
    messages.bearFor(app)
    app.get('/', (req, res) => {
      res.json({ query: req.query, app: req.app === app && res.app === app })
    })
    const born: boolean[] = []
    const server = createHttpServer(
      (req, res) => {
        born.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response)
        app(req, res)
      },
      { messages },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/?a=1`)
    expect(await answer.json()).to.deep.equal({ query: { a: '1' }, app: true })
    expect(born).to.deep.equal([true, true])
    server.closeAllConnections()
    server.close()
  })
})
