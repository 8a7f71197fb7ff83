import * as z from 'zod'
import { about } from './config-about.ts'
import { longSecret } from './config-values.ts'

const LONG_SECRET_WANTED = 'at least 32 printable ASCII characters'

/** The first credentials, for those who give them rather than read them off the first start. */
export const bootstrap = z.object({
  scimToken: longSecret().optional().register(about, {
    env: 'ROLLCALL_BOOTSTRAP_SCIM_TOKEN',
    wanted: LONG_SECRET_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'Bearer token of the first connection; another value at a restart replaces it',
    secret: 'whole',
    envOnly: true,
  }),
  adminKey: longSecret().optional().register(about, {
    env: 'ROLLCALL_BOOTSTRAP_ADMIN_KEY',
    wanted: LONG_SECRET_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'First key of the admin API; another value at a restart replaces it',
    secret: 'whole',
    envOnly: true,
  }),
})
