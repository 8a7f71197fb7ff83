import type { Config } from './config.ts'
import type { SmtpSettings } from './mail/smtp.ts'

/** What mail is sent with; undefined where no mail server is configured. */
export function mailSettings({ mail }: Config): SmtpSettings | undefined {
  const { smtpUrl: url, from, smtpPassword: password, smtpAllowPlain: allowPlain } = mail
  if (url === undefined || from === undefined) return undefined
  return { url, from, password, allowPlain }
}
