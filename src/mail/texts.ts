import type { MailContent } from '../domain/mail.ts'

/** A mail's words. */
export interface MailWords {
  readonly subject: string
  readonly text: string
}

const MAX_NAME = 80

/**
 * Puts a mail into words. What people chose themselves (names) loses line breaks and whatever reads as an address of a
 * site, so that nobody can send strangers words of their own through an invitation.
 * @param publicUrl where people reach the gateway, without a slash at the end
 */
export function wordsOf(content: MailContent, publicUrl: string): MailWords {
  const { subject, paragraphs } = PARTS[content.kind](content as never, publicUrl)
  const foot = `-- \nSent by Rollcall at ${publicUrl}. Nobody reads answers to this address.`
  return { subject, text: `${[...paragraphs, foot].join('\n\n')}\n` }
}

interface Parts {
  readonly subject: string
  readonly paragraphs: readonly string[]
}

type Content<K extends MailContent['kind']> = Extract<MailContent, { readonly kind: K }>

const PARTS: { readonly [K in MailContent['kind']]: (content: Content<K>, publicUrl: string) => Parts } = {
  test: (_content, publicUrl) => ({
    subject: 'Rollcall can send mail',
    paragraphs: [`This is the test that was asked for with "rollcall mail test". Links will begin with ${publicUrl}.`],
  }),

  invite: ({ org, by, link, expires }, publicUrl) => ({
    subject: `Invitation to ${named(org)}`,
    paragraphs: [
      `${by === undefined ? 'You are' : `${named(by)} has`} invited ${by === undefined ? '' : 'you '}to ${named(org)}.`,
      `To accept, open this page:\n${publicUrl}${link}`,
      `The link works once, until ${dayAndTime(expires)}, and only for the address this mail was sent to. ` +
        'If you do not know what this is about, do nothing: without you, nothing happens.',
    ],
  }),

  'password-reset': ({ org, link, expires }, publicUrl) => ({
    subject: `Your password at ${named(org)}`,
    paragraphs: [
      `To choose a new password for ${named(org)}, open this page:\n${publicUrl}${link}`,
      `The link works once, until ${dayAndTime(expires)}. If you did not ask for it, do nothing: your password stays as it is.`,
    ],
  }),

  'address-changed': ({ org, userName }) => ({
    subject: `Your address at ${named(org)} was changed`,
    paragraphs: [
      `The account ${named(userName)} at ${named(org)} had this e-mail address until now. Another one was set for it, and ` +
        'open sessions and invitations were ended.',
      'If you know of this change, there is nothing to do. If not, tell an administrator of the organisation at once.',
    ],
  }),

  'last-admin': ({ org, connection }) => ({
    subject: `${named(org)} would have lost its last administrator`,
    paragraphs: [
      `"${named(connection)}" asked to take away the last administrator of ${named(org)}. It was refused, since nobody ` +
        'could have undone it.',
      'If it was meant, make somebody else an administrator first; the change then goes through when it is sent again.',
    ],
  }),

  breaker: ({ org, connection, mode, most }, publicUrl) => ({
    subject: `Very many people are being removed from ${named(org)}`,
    paragraphs: [
      `"${named(connection)}" removes more people from ${named(org)} than the limit of ${most} allows for so short a time.`,
      mode === 'hold'
        ? `What goes beyond the limit is held until an administrator allows or rejects it: rollcall breaker list, or ${publicUrl}.`
        : 'It was let through, since the organisation is set to alert only. If it was a mistake, an administrator can ' +
          'restore everybody at once: rollcall breaker restore.',
    ],
  }),

  'domain-failing': ({ org, domain, until }) => ({
    subject: `The proof of ${domain} is missing`,
    paragraphs: [
      `${named(org)} has proved that the domain ${domain} is its own, and the DNS does not show the proof any more.`,
      `Put the TXT record back by ${dayAndTime(until)}: rollcall domain show ${domain} says which it is. After that the ` +
        "domain counts as nobody's: new people of it no longer join by signing in, and no address of it links an account. " +
        'Whoever is there stays.',
    ],
  }),

  'domain-lapsed': ({ org, domain }) => ({
    subject: `The domain ${domain} is no longer yours`,
    paragraphs: [
      `The DNS has not shown the proof of ${domain} for a week, so it no longer counts as the domain of ${named(org)}.`,
      `Whoever is there stays. To prove it again: rollcall domain prove ${domain}`,
    ],
  }),

  'admin-withheld': ({ org, connection, userName }) => ({
    subject: `An administrator of ${named(org)} waits for your decision`,
    paragraphs: [
      `"${named(connection)}" asks to make ${named(userName)} an administrator of ${named(org)}, and may not.`,
      'Nothing was granted. If it is meant, an administrator can make them one, or let the connection grant it.',
    ],
  }),
}

/** A name as it may stand in a mail. */
function named(text: string): string {
  const flat = text
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[a-z][a-z0-9+.-]*:\/\/|\bwww\./gi, '')
    .trim()
  const characters = [...flat]
  return characters.length <= MAX_NAME ? flat : `${characters.slice(0, MAX_NAME - 1).join('')}…`
}

/** In UTC, since nothing is known of where the reader is. */
function dayAndTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
