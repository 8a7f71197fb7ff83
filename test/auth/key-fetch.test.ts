import type { lookup as systemLookup, LookupAddress } from 'node:dns'
import { expect } from 'chai'
import { fetchKeyDocument, keyAddressProblem, type KeyFetchOptions } from '../../src/auth/key-fetch.ts'
import { startIssuer, type LyingIssuer } from '../support/issuer.ts'

const STRICT: KeyFetchOptions = { allowPrivateIssuers: false }
const LAB: KeyFetchOptions = { allowPrivateIssuers: true }

/** Name resolution that answers with these addresses, one list a call. */
function resolving(...answers: (readonly string[])[]): { lookup: typeof systemLookup; asked: string[] } {
  const asked: string[] = []
  const lookup = ((host: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)]!
    asked.push(host)
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }) as unknown as typeof systemLookup
  return { lookup, asked }
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('It should have been refused')
}

describe('fetching an issuer’s documents', () => {
  let issuer: LyingIssuer
  beforeEach(async () => {
    issuer = await startIssuer([])
  })
  afterEach(() => issuer.stop())

  it('gives the JSON of a 200', async () => {
    expect(await fetchKeyDocument(`${issuer.url}/jwks`, LAB)).to.deep.equal({ keys: [] })
  })

  const refused = [
    ...['http://127.0.0.1', 'https://127.0.0.1', 'https://[::1]', 'https://169.254.169.254', 'https://2130706433'],
    ...['https://0x7f.1', 'https://127.1', 'https://[::ffff:127.0.0.1]', 'https://10.1.2.3', 'https://[fd00::1]'],
    ...['https://0.0.0.0', 'http://example.com', 'file:///etc/passwd', 'ftp://example.com', 'https://u:p@example.com'],
    ...['data:application/json,{}', 'not a url', ''],
  ]
  for (const address of refused) {
    it(`refuses ${address || 'an empty address'} without asking anybody (RFC 8725 §3.10)`, async () => {
      const { lookup, asked } = resolving(['8.8.8.8'])
      await failure(fetchKeyDocument(address, { ...STRICT, lookup }))
      expect(keyAddressProblem(address, false)).to.be.a('string')
      expect(asked).to.deep.equal([])
    })
  }

  it('refuses link-local addresses even where private ones are allowed, for machine credentials live there', () => {
    expect(keyAddressProblem('https://169.254.169.254/keys', true)).to.include('not a public address')
    expect(keyAddressProblem('https://10.0.0.1/keys', true)).to.equal(undefined)
  })

  it('allows http to this machine only, even in a laboratory', async () => {
    expect(keyAddressProblem('http://10.0.0.1/keys', true)).to.include('http is only allowed')
    const { lookup } = resolving(['10.0.0.1'])
    const error = await failure(fetchKeyDocument('http://keys.example/', { ...LAB, lookup }))
    expect(error.message).to.include('http is only allowed')
  })

  for (const addresses of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['169.254.169.254'], ['::1'], []]) {
    it(`refuses a name that resolves to [${addresses.join(', ')}] without connecting`, async () => {
      const { lookup } = resolving(addresses)
      const error = await failure(fetchKeyDocument(`https://keys.example:${issuer.port}/jwks`, { ...STRICT, lookup }))
      expect(error.message).to.match(/not a public address|has no address/)
      expect(issuer.asked).to.deep.equal([])
    })
  }

  it('connects to the address that was checked: the name is resolved once', async () => {
    const { lookup, asked } = resolving(['127.0.0.1'], ['10.255.255.1'])
    const document = await fetchKeyDocument(`http://keys.example:${issuer.port}/jwks`, { ...LAB, lookup })
    expect(document).to.deep.equal({ keys: [] })
    expect(asked).to.deep.equal(['keys.example'])
  })

  it('follows no redirect', async () => {
    const inside = await startIssuer([])
    issuer.answers.set('/jwks', (_req, res) => res.writeHead(302, { location: `${inside.url}/jwks` }).end())
    const error = await failure(fetchKeyDocument(`${issuer.url}/jwks`, LAB))
    expect(error.message).to.include('answered 302')
    expect(inside.asked).to.deep.equal([])
    await inside.stop()
  })

  it('stops reading after 256 kB of a 50 MB body', async () => {
    let written = 0
    const gone = new Promise<void>((resolve) => {
      issuer.answers.set('/jwks', (_req, res) => {
        res.on('close', resolve)
        const more = (): void => {
          while (written < 50e6 && !res.destroyed) {
            written += 64 * 1024
            if (!res.write(Buffer.alloc(64 * 1024, 0x20))) return void res.once('drain', more)
          }
          res.end()
        }
        more()
      })
    })
    const error = await failure(fetchKeyDocument(`${issuer.url}/jwks`, LAB))
    expect(error.message).to.include('more than 262144 bytes')
    await gone
    expect(written).to.be.below(25e6)
  })

  it('gives up on a body that trickles, after the whole time allowed', async () => {
    const trickles: NodeJS.Timeout[] = []
    issuer.answers.set('/jwks', (_req, res) => {
      res.writeHead(200)
      trickles.push(setInterval(() => res.write(' '), 20))
    })
    const started = performance.now()
    const error = await failure(fetchKeyDocument(`${issuer.url}/jwks`, { ...LAB, timeout: 300 }))
    trickles.forEach(clearInterval)
    expect(error.message).to.include('did not answer within 300 ms')
    expect(performance.now() - started).to.be.within(250, 2_500)
  })

  it('gives up on an answer that never begins, within 3 seconds by default', async () => {
    issuer.answers.set('/jwks', () => undefined)
    const started = performance.now()
    const error = await failure(fetchKeyDocument(`${issuer.url}/jwks`, LAB))
    expect(error.message).to.include('did not answer within 3000 ms')
    expect(performance.now() - started).to.be.within(2_800, 6_000)
  })

  it('refuses what is no JSON, and statuses other than 200', async () => {
    issuer.answers.set('/html', (_req, res) => res.end('<html>'))
    expect((await failure(fetchKeyDocument(`${issuer.url}/html`, LAB))).message).to.include('did not answer with JSON')
    expect((await failure(fetchKeyDocument(`${issuer.url}/none`, LAB))).message).to.include('answered 404')
  })
})
