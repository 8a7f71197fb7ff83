import { constants, createHmac, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, type JWK } from 'jose'

/** A signing key as an issuer holds it: the JWK is what its key set shows. */
export interface IssuerKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: JWK
}

type Kind = 'RS256' | 'PS256' | 'ES256' | 'EdDSA'

/** A fresh key pair. `bits` is for RSA only. */
export async function issuerKey(kid: string, alg: Kind = 'RS256', bits = 2048): Promise<IssuerKey> {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: bits })
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' }
  return { kid, alg, ...pair, jwk }
}

/** Any JSON text, or a value to be written as JSON: a forger may want members twice. */
export type Part = string | Readonly<Record<string, unknown>>

/** A compact JWS of exactly these parts, signed with the key for the algorithm it is for, whatever the header says. */
export function signed(header: Part, payload: Part, key: IssuerKey): string {
  return compact(header, payload, (input) => signature(input, key))
}

/** A compact JWS whose third part is whatever `signer` answers for the bytes before it. */
export function compact(header: Part, payload: Part, signer: (input: Buffer) => Buffer): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`
}

export function encoded(part: Part): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

export function hmac(secret: string | Buffer): (input: Buffer) => Buffer {
  return (input) => createHmac('sha256', secret).update(input).digest()
}

function signature(input: Buffer, { alg, privateKey }: IssuerKey): Buffer {
  if (alg === 'EdDSA') return signBytes(null, input, privateKey)
  if (alg === 'ES256') return signBytes('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  if (alg === 'RS256') return signBytes('sha256', input, privateKey)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  return signBytes('sha256', input, { key: privateKey, padding, saltLength: 32 })
}

type Answer = (req: IncomingMessage, res: ServerResponse) => void

/** An issuer on loopback that says whatever a test wants, and counts what is asked of it. */
export interface LyingIssuer {
  /** `http://127.0.0.1:<port>`, its `iss`. */
  readonly url: string
  readonly port: number
  /** Paths asked for, in order. */
  readonly asked: string[]
  /** What the key set shows from now on. */
  keys: readonly JWK[]
  /** Answers in place of the normal ones, by path. */
  readonly answers: Map<string, Answer>
  /** Stops listening, connections and all. */
  stop(): Promise<void>
  /** Listens again, on the same port. */
  start(): Promise<void>
}

/** Starts an issuer with a discovery document at its root and its keys at `/jwks`. */
export async function startIssuer(keys: readonly JWK[]): Promise<LyingIssuer> {
  const asked: string[] = []
  const answers = new Map<string, Answer>()
  const server = createServer((req, res) => {
    const path = req.url ?? ''
    asked.push(path)
    const own = answers.get(path)
    if (own !== undefined) return own(req, res)
    if (path === '/.well-known/openid-configuration') {
      return json(res, { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` })
    }
    if (path === '/jwks') return json(res, { keys: issuer.keys })
    res.writeHead(404).end()
  })
  const port = await listen(server, 0)
  const issuer: LyingIssuer = {
    ...{ url: `http://127.0.0.1:${port}`, port, asked, keys, answers },
    stop: () => close(server),
    start: async () => void (await listen(server, port)),
  }
  return issuer
}

export function json(res: ServerResponse, value: unknown): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
}
