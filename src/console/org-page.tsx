import type { ComponentChildren, VNode } from 'preact'
import { useContext } from 'preact/hooks'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { ERROR_STATUS } from '../domain/error-status.ts'
import { isOrgAdminCaller, requireOrgReader } from '../provisioning/caller-right.ts'
import { Facts, Link, Notice, Page } from './page.tsx'
import { ownCaller, type PageRequest } from './page-route.ts'
import { redirect } from './render.tsx'

/** The pages of an organisation, for its admins; its auditors read them. */
export const ORG_PAGES = [
  { path: '/org/mails', name: 'Mails', about: 'What was sent, what waits, what did not arrive' },
  { path: '/org/invites', name: 'Invitations', about: 'Who is invited, and who has come' },
  { path: '/org/domains', name: 'Domains', about: 'Domains that are yours, and teams that their people may join' },
  { path: '/org/receivers', name: 'Receivers of the log', about: 'Where the log is delivered to, and how far each is' },
] as const

/** One of {@link ORG_PAGES}. */
export type OrgPath = (typeof ORG_PAGES)[number]['path']

/** Who looks at a page of the organisation. */
export interface OrgReader {
  readonly caller: Caller
  /** Whether they may change what it shows; an auditor may not. */
  readonly mayChange: boolean
}

/**
 * Whoever is signed in, as one who reads everything of the organisation.
 * @throws DomainError `forbidden` for everybody but its admins and auditors
 */
export function orgReader(page: PageRequest): OrgReader {
  const caller = ownCaller(page)
  requireOrgReader(caller)
  return { caller, mayChange: isOrgAdminCaller(caller) }
}

/** What a page says above what it shows. */
export interface Said {
  readonly kind: 'problem' | 'done'
  readonly text: string
}

/** How a page is shown once more after something was asked for in vain. */
export type ShowAgain = (status: number, said: Said) => Promise<void>

/**
 * Does what a form asks for. What is refused is said on the page itself.
 * @returns what came of it; undefined where it was refused, and that was answered
 * @throws whatever is no expected failure, and an outage
 */
export async function tryOnPage<T>(
  { res }: Pick<PageRequest, 'res'>,
  again: ShowAgain,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await work() }
  } catch (error) {
    const status = error instanceof DomainError ? ERROR_STATUS[error.code] : 500
    if (!(error instanceof DomainError) || status >= 500) throw error
    if (error.retryAfter !== undefined) res.setHeader('Retry-After', String(error.retryAfter))
    await again(status, { kind: 'problem', text: error.message })
    return undefined
  }
}

/** The same, leading back to a page afterwards, which says what was done by the name `done`. */
export async function doOnPage(
  { res }: Pick<PageRequest, 'res'>,
  { to, done, again }: { readonly to: string; readonly done: string; readonly again: ShowAgain },
  work: () => Promise<unknown>,
): Promise<void> {
  if ((await tryOnPage({ res }, again, work)) !== undefined) redirect(res, `${to}?done=${done}`)
}

/** What a page says that a browser was led back to. @param texts by the name that stands in the address */
export function saidOf({ query }: PageRequest, texts: Readonly<Record<string, string>>): Said | undefined {
  const name = query['done'] ?? ''
  const text = Object.hasOwn(texts, name) ? texts[name] : undefined
  return text === undefined ? undefined : { kind: 'done', text }
}

interface OrgPageProps {
  readonly title: string
  /** Of which of the pages it is. */
  readonly at?: OrgPath
  readonly said?: Said | undefined
  readonly children: ComponentChildren
}

/** The frame of a page of the organisation, with the way to the others. */
export function OrgPage({ title, at, said, children }: OrgPageProps): VNode {
  const { base } = useContext(Facts)
  return (
    <Page title={title} broad>
      <nav aria-label="Your organisation">
        <ul class="pages">
          {ORG_PAGES.map(({ path, name }) => (
            <li key={path}>
              <a href={base + path} aria-current={path === at ? 'page' : undefined}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {said === undefined ? null : <Notice kind={said.kind}>{said.text}</Notice>}
      {children}
      <p>
        <Link to="/account">Back to your account</Link>
      </p>
    </Page>
  )
}
