import * as z from 'zod'
import { about, FLAG_WANTED, KEY_WANTED } from './config-about.ts'
import { flag, key32 } from './config-values.ts'

/** How the log is delivered. */
export const delivery = z.object({
  allowPrivate: flag().register(about, {
    env: 'ALLOW_PRIVATE_SINKS',
    wanted: FLAG_WANTED,
    example: 'false',
    description:
      'Deliver the log to private addresses: syslog there also without TLS, webhooks over http:// to this machine only',
  }),
  eventKey: key32().optional().register(about, {
    env: 'ROLLCALL_EVENT_KEY',
    wanted: KEY_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'Seed of the key that signs security event tokens; else made of the master key',
    secret: 'whole',
    envOnly: true,
  }),
  previousEventKey: key32().optional().register(about, {
    env: 'ROLLCALL_EVENT_KEY_PREVIOUS',
    wanted: KEY_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'The event key before a change of it, published for receivers until it is taken out here',
    secret: 'whole',
    envOnly: true,
  }),
})
