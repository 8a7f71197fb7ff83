import * as z from 'zod'
import { about, FLAG_WANTED } from './config-about.ts'
import type { ConfigProblem } from './config-sources.ts'
import { flag, text, word } from './config-values.ts'

/** The OpenID provider of the first org, under the names that W&B gave its settings and under plainer ones. */
export const oidc = z.object({
  issuer: text().optional().register(about, {
    env: 'OIDC_ISSUER',
    wanted: "the address of an OpenID provider, as its discovery document's `issuer` says it",
    example: 'https://company.okta.com',
    description: 'OpenID provider by which the people of the first organisation sign in',
  }),
  clientId: text().optional().register(about, {
    env: 'OIDC_CLIENT_ID',
    wanted: 'the id under which the provider knows this gateway',
    example: '0oa1b2c3d4',
    description: 'Client id of the gateway at OIDC_ISSUER; its redirect address there is PUBLIC_URL/oidc/callback',
  }),
  clientSecret: text()
    .optional()
    .register(about, {
      env: 'OIDC_CLIENT_SECRET',
      aliases: ['GORILLA_OIDC_SECRET'],
      wanted: 'the secret of that client',
      example: '(from the provider)',
      description: 'Client secret, where the client has one; GORILLA_OIDC_SECRET is taken as well',
      secret: 'whole',
      envOnly: true,
    }),
  authMethod: word(['pkce', 'implicit']).register(about, {
    env: 'OIDC_AUTH_METHOD',
    wanted: 'pkce or implicit',
    example: 'pkce',
    description: 'Taken for compatibility: sign-in is by authorization code with PKCE whatever it says',
  }),
  scopes: text()
    .optional()
    .register(about, {
      env: 'OIDC_SCOPES',
      aliases: ['GORILLA_OIDC_CUSTOM_SCOPES'],
      wanted: 'scopes with spaces or commas between',
      example: 'groups',
      description: 'Scopes asked for beside openid, profile and email; GORILLA_OIDC_CUSTOM_SCOPES is taken as well',
    }),
  groups: flag().register(about, {
    env: 'OIDC_GROUPS',
    aliases: ['GORILLA_ENABLE_SSO_GROUPS_CLAIMS', 'GORILLA_ENABLE_SSO_GROUP_CLAIMS'],
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'The groups claim decides team membership; GORILLA_ENABLE_SSO_GROUPS_CLAIMS is taken as well',
  }),
  identifierClaims: flag().register(about, {
    env: 'OIDC_IDENTIFIER_CLAIMS',
    aliases: ['GORILLA_USE_IDENTIFIER_CLAIMS'],
    wanted: FLAG_WANTED,
    example: 'false',
    description:
      'Ask for preferred_username (letters, digits, _ and -) and name; GORILLA_USE_IDENTIFIER_CLAIMS is taken as well',
  }),
  externalIdClaim: text().register(about, {
    env: 'OIDC_EXTERNAL_ID_CLAIM',
    wanted: 'the name of a claim',
    example: 'sub',
    description: 'Claim that a paired connection has as externalId: sub for Okta, oid for Entra ID',
  }),
})

/** One of issuer and client id alone is a provider half configured. */
export function halfProvider({ issuer, clientId }: z.output<typeof oidc>): ConfigProblem[] {
  if ((issuer === undefined) === (clientId === undefined)) return []
  const [given, missing, example] =
    issuer === undefined
      ? ['OIDC_CLIENT_ID', 'OIDC_ISSUER', 'https://company.okta.com']
      : ['OIDC_ISSUER', 'OIDC_CLIENT_ID', '0oa1b2c3d4']
  return [{ setting: missing, got: 'nothing', wanted: `it beside ${given}`, example: `${missing}=${example}` }]
}
