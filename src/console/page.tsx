import { type ComponentChildren, createContext, type VNode } from 'preact'
import { useContext } from 'preact/hooks'
import { CSRF_FIELD } from '../http/csrf.ts'
import { STYLE_PATH } from './style-sheet.ts'

/** What every page of one answer knows. */
export interface PageFacts {
  /** What all our addresses begin with: the path of the public address, without a slash at the end. */
  readonly base: string
  /** The token that forms carry. */
  readonly csrf: string
  /** The name of who is signed in. */
  readonly person: string | undefined
}

/** Given by `render`. */
export const Facts = createContext<PageFacts>({ base: '', csrf: '', person: undefined })

interface PageProps {
  readonly title: string
  /** Whether it needs more than the width of a text, for tables. */
  readonly broad?: boolean
  readonly children: ComponentChildren
}

/** The one frame of every page: what it is called, who is signed in, and what it holds. */
export function Page({ title, broad = false, children }: PageProps): VNode {
  const { base, person } = useContext(Facts)
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Rollcall`}</title>
        <link rel="stylesheet" href={base + STYLE_PATH} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header>
          <a class="brand" href={`${base}/`}>
            Rollcall
          </a>
          {person === undefined ? null : <SignedInAs person={person} />}
        </header>
        <main id="main" class={broad ? 'broad' : undefined}>
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  )
}

function SignedInAs({ person }: { readonly person: string }): VNode {
  return (
    <nav aria-label="Your account">
      <span class="person">{person}</span>
      <Link to="/account">Account</Link>
      <Form action="/signout">
        <button class="plain">Sign out</button>
      </Form>
    </nav>
  )
}

/** A link to another of our pages. `to` begins with a slash. */
export function Link({ to, children }: { readonly to: string; readonly children: ComponentChildren }): VNode {
  return <a href={useContext(Facts).base + to}>{children}</a>
}

interface FormProps {
  /** Where it is sent, beginning with a slash. */
  readonly action: string
  /** `get` for what changes nothing. */
  readonly method?: 'get' | 'post'
  readonly children: ComponentChildren
}

/** A form of ours; one that changes something carries the token against forged ones. */
export function Form({ action, method = 'post', children }: FormProps): VNode {
  const { base, csrf } = useContext(Facts)
  return (
    <form action={base + action} method={method}>
      {method === 'post' ? <input type="hidden" name={CSRF_FIELD} value={csrf} /> : null}
      {children}
    </form>
  )
}

interface FieldProps {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password'
  readonly value?: string | undefined
  /** What the browser fills in by itself (HTML §4.10.18.7). */
  readonly autocomplete?: string
  /** A sentence below the field. */
  readonly hint?: string
  /** What is wrong with what was typed. */
  readonly problem?: string | undefined
  readonly required?: boolean
  readonly minLength?: number
}

/** A labelled field; hint and problem are read out with it. */
export function Field({ name, label, hint, problem, ...field }: FieldProps): VNode {
  const described = [hint === undefined ? '' : `${name}-hint`, problem === undefined ? '' : `${name}-problem`]
  // The library's type of an input differs by this, though nothing here does.
  const type = (field.type ?? 'text') as 'text'
  const ids = described.filter((id) => id !== '').join(' ')
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        value={field.value}
        autocomplete={field.autocomplete}
        required={field.required ?? true}
        minLength={field.minLength}
        maxLength={1024}
        aria-describedby={ids === '' ? undefined : ids}
        aria-invalid={problem === undefined ? undefined : 'true'}
      />
      {hint === undefined ? null : (
        <span class="hint" id={`${name}-hint`}>
          {hint}
        </span>
      )}
      {problem === undefined ? null : (
        <span class="problem" id={`${name}-problem`}>
          {problem}
        </span>
      )}
    </p>
  )
}

interface ChoiceProps {
  readonly name: string
  readonly label: string
  /** Value and text of each. */
  readonly options: readonly (readonly [value: string, text: string])[]
  readonly value?: string | undefined
  readonly hint?: string
}

/** A labelled choice of one among a few. */
export function Choice({ name, label, options, value, hint }: ChoiceProps): VNode {
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name} aria-describedby={hint === undefined ? undefined : `${name}-hint`}>
        {options.map(([each, text]) => (
          <option key={each} value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
      {hint === undefined ? null : (
        <span class="hint" id={`${name}-hint`}>
          {hint}
        </span>
      )}
    </p>
  )
}

interface CheckProps {
  readonly name: string
  readonly label: string
  readonly checked: boolean
  readonly hint?: string
}

/** A box to tick: sent as `on`. */
export function Check({ name, label, checked, hint }: CheckProps): VNode {
  const described = hint === undefined ? undefined : `${name}-hint`
  return (
    <p class="choice">
      <input id={name} name={name} type="checkbox" checked={checked} aria-describedby={described} />
      <label for={name}>{label}</label>
      {hint === undefined ? null : (
        <span class="hint" id={described}>
          {hint}
        </span>
      )}
    </p>
  )
}

interface ActProps {
  /** Where it is sent, beginning with a slash. */
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  /** What the button says; `of` tells it from its like where it is read out alone. */
  readonly label: string
  readonly of?: string
  readonly danger?: boolean
}

/** A button that does one thing to one thing. */
export function Act({ action, fields, label, of, danger = false }: ActProps): VNode {
  return (
    <Form action={action}>
      {Object.entries(fields).map(([name, value]) => (
        <Hidden key={name} name={name} value={value} />
      ))}
      <button class={danger ? 'danger' : undefined} aria-label={of === undefined ? undefined : `${label}: ${of}`}>
        {label}
      </button>
    </Form>
  )
}

interface TableProps {
  readonly label: string
  readonly columns: readonly string[]
  /** Rows, `<tr>…</tr>`. */
  readonly children: ComponentChildren
}

/** A table that scrolls sideways where it is too wide, also by keyboard. */
export function Table({ label, columns, children }: TableProps): VNode {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** A time in UTC, to the minute: the server does not know where the reader is. @param at epoch milliseconds */
export function Time({ at }: { readonly at: number }): VNode {
  return <time dateTime={new Date(at).toISOString()}>{shownTime(at)}</time>
}

/** The same as text. */
export function shownTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** A field that nobody sees. */
export function Hidden({ name, value }: { readonly name: string; readonly value: string }): VNode {
  return <input type="hidden" name={name} value={value} />
}

/** A sentence that is read out at once: what went wrong, or what was done. */
export function Notice({
  kind,
  children,
}: {
  readonly kind: 'problem' | 'done'
  readonly children: ComponentChildren
}) {
  return (
    <p class={`notice ${kind}`} role={kind === 'problem' ? 'alert' : 'status'}>
      {children}
    </p>
  )
}
