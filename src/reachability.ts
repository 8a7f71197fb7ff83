import type { MailProbe, Unreachable } from './cli/ports.ts'
import { createAddressGuard } from './auth/address-guard.ts'
import type { Config } from './config.ts'
import { newId, type MailId, type OrgId } from './domain/ids.ts'
import { mailSettings } from './mail-settings.ts'
import { createMailServer } from './mail/smtp.ts'
import { wordsOf } from './mail/texts.ts'
import type { OpenedStore } from './opened-store.ts'
import { openProviderSecret } from './sign-in-wiring.ts'
import { DirectoryError } from './signin/ldap/directory-error.ts'
import { checkDirectory } from './signin/ldap/ldap-person.ts'
import { settingsOf } from './signin/ldap/ldap-sign-in.ts'

/** The mail server as the operator tries it; undefined where none is configured. */
export function mailProbe(config: Config): MailProbe | undefined {
  const settings = mailSettings(config)
  if (settings === undefined) return undefined
  const server = createMailServer(settings)
  const { publicUrl } = config.server
  return {
    server: new URL(settings.url).host,
    check: () => problemOf(server.check()),
    sendTest(to) {
      const messageId = `<${newId<MailId>(Date.now())}@${new URL(publicUrl).hostname}>`
      return problemOf(server.send({ to, messageId, ...wordsOf({ kind: 'test' }, publicUrl) }))
    },
  }
}

/** Here the server's own words are shown: whoever runs the command is who has to mend it. */
async function problemOf(attempt: Promise<void>): Promise<string | undefined> {
  try {
    await attempt
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Directories of an org that cannot be asked now, with what is wrong. Those that are switched off are passed over. */
export async function unreachableDirectories(
  config: Config,
  opened: OpenedStore,
  orgId: OrgId,
): Promise<readonly Unreachable[]> {
  const { providers } = opened.store.reads
  const guard = createAddressGuard(config.auth.allowPrivateIssuers)
  const found: Unreachable[] = []
  for (const { id, name, kind, enabled, origin } of await providers.list(orgId)) {
    const provider = kind === 'ldap' && enabled ? await providers.find(orgId, id) : undefined
    if (provider === undefined) continue
    try {
      const settings = settingsOf({ secretOf: (of) => openProviderSecret(opened, config, of) }, provider)
      await checkDirectory(settings, origin === 'environment' ? undefined : guard)
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error
      found.push({ name, problem: error.message })
    }
  }
  return found
}
