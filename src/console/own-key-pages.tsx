import type { VNode } from 'preact'
import type { ApiKey } from '../domain/api-key.ts'
import { isId, type KeyId, newId } from '../domain/ids.ts'
import { createPersonalKey, revokePersonalKey } from '../provisioning/api-keys.ts'
import { Field, Form, Hidden, Link, Notice, Page, Table, Time } from './page.tsx'
import { ownCaller, type PageRequest, type Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

/** The keys that a person makes for their own scripts. */
export const ownKeyTopic: Topic = {
  routes: [
    { method: 'GET', path: '/account/keys', who: 'signedIn', handle: (page) => showKeys(page, 200) },
    { method: 'POST', path: '/account/keys', who: 'fresh', handle: makeKey },
    { method: 'POST', path: '/account/keys/end', who: 'signedIn', handle: endKey },
  ],
}

async function showKeys({ res, session, ports }: PageRequest, status: number, problem?: string): Promise<void> {
  const { orgId, user } = session!
  const keys = await ports.reads.keys.list(orgId)
  const own = keys.filter((key) => key.user === user && key.revoked === undefined)
  const { settings } = await ports.reads.orgs.policy(orgId)
  render(res, status, <KeysPage keys={own} mayMake={settings.personalKeys} problem={problem} />)
}

async function makeKey(page: PageRequest): Promise<void> {
  const { res, ports, form, session } = page
  const name = form['name']?.trim() ?? ''
  if (name === '' || name.length > 100 || /\p{Cc}/u.test(name)) {
    await showKeys(page, 400, 'Give the key a name of at most 100 characters.')
    return
  }
  const id = newId<KeyId>(ports.now())
  const { text, secretHash } = ports.mint(id)
  const { user } = session!
  const draft = { id, secretHash, scope: 'user', user, name, origin: 'minted', expires: undefined } as const
  await createPersonalKey(ports.provisioning, ownCaller(page), draft).durable
  render(res, 201, <MadePage name={name} text={text} />)
}

async function endKey(page: PageRequest): Promise<void> {
  const { res, ports, form, session } = page
  const id = form['key'] ?? ''
  if (isId(id)) {
    const which = { user: session!.user, id: id as KeyId }
    await revokePersonalKey(ports.provisioning, ownCaller(page), which).durable
  }
  redirect(res, '/account/keys')
}

function MadePage({ name, text }: { readonly name: string; readonly text: string }): VNode {
  return (
    <Page title="Your new key">
      <Notice kind="done">{`The key "${name}" is made. Copy it now: it is shown this once.`}</Notice>
      <p>
        <code>{text}</code>
      </p>
      <Link to="/account/keys">To your keys</Link>
    </Page>
  )
}

interface KeysProps {
  readonly keys: readonly ApiKey[]
  readonly mayMake: boolean
  readonly problem: string | undefined
}

function KeysPage({ keys, mayMake, problem }: KeysProps): VNode {
  return (
    <Page title="Your API keys">
      <p>Each key may what you may, and stops working with your account.</p>
      {keys.length === 0 ? <p>You have none.</p> : <KeyTable keys={keys} />}
      <h2>Make a key</h2>
      {mayMake ? (
        <Form action="/account/keys">
          <Field name="name" label="What it is for" problem={problem} />
          <button>Make the key</button>
        </Form>
      ) : (
        <p>Your organisation lets people make no keys of their own. Ask an administrator.</p>
      )}
    </Page>
  )
}

function KeyTable({ keys }: { readonly keys: readonly ApiKey[] }): VNode {
  return (
    <Table label="Your API keys" columns={['Name', 'Made', 'Last used', 'End it']}>
      {keys.map(({ id, name, created, lastUsed }) => (
        <tr key={id}>
          <td>{name}</td>
          <td>
            <Time at={created} />
          </td>
          <td>{lastUsed === undefined ? 'never' : <Time at={lastUsed} />}</td>
          <td>
            <Form action="/account/keys/end">
              <Hidden name="key" value={id} />
              <button class="danger" aria-label={`End the key ${name}`}>
                End
              </button>
            </Form>
          </td>
        </tr>
      ))}
    </Table>
  )
}
