import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** An answer to a request that named another host. */
export interface ForgedAnswer {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
}

const EVIL = 'evil.example'

/** Sends a request that names another host than it goes to, in every way there is; `fetch` takes no Host of ours. */
export async function askForged(
  url: string,
  { headers = {}, form }: { readonly headers?: Readonly<Record<string, string>>; readonly form?: URLSearchParams } = {},
): Promise<ForgedAnswer> {
  const forged = { host: EVIL, 'x-forwarded-host': EVIL, forwarded: `host=${EVIL}` }
  const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  const sent = request(url, {
    method: form === undefined ? 'GET' : 'POST',
    headers: { ...headers, ...type, ...forged },
  })
  sent.end(form?.toString())
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, location: answer.headers.location, body: await text(answer) }
}
