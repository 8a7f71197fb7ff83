import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, stringify } from 'yaml'
import { DomainError } from '../domain/errors.ts'
import { printableLines } from './output.ts'
import type { GrantDraft, RuleDraft } from '../provisioning/rule-draft.ts'

/** UTF-16 units of a file: far more than 2,000 rules take. */
const MAX_FILE = 4 * 1024 * 1024

/** A set of rules read from a file, which still knows where each thing stood. */
export interface RulesFile {
  readonly rules: readonly RuleDraft[]
  /** An error about `rules[3].grants[0].team` with the line and column in the file before it. */
  located(error: unknown): unknown
}

/**
 * Reads a file of rules (YAML 1.2). Every mistake is named with its line and column: what is no YAML, keys that are not
 * known, values of another kind.
 * @throws DomainError `invalid-syntax`, a line for each mistake
 */
export function readRulesFile(text: string, name: string): RulesFile {
  if (text.length > MAX_FILE) throw new DomainError('invalid-syntax', `${name} is larger than ${MAX_FILE} characters`)
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = counter.linePos(offset)
    return `${name}:${line}:${col}`
  }
  const mistakes = document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`)
  const reader = new Reader((node, sentence) => mistakes.push(`${at(node?.range?.[0] ?? 0)}: ${sentence}`))
  const rules = mistakes.length > 0 ? [] : reader.file(document.contents)
  if (mistakes.length > 0) throw new DomainError('invalid-syntax', mistakes.join('\n'))
  return {
    rules,
    located(error) {
      const path = error instanceof DomainError ? error.params?.['path'] : undefined
      if (!(error instanceof DomainError) || typeof path !== 'string') return error
      const node = nearest(document.contents, keysOf(path))
      return new DomainError(error.code, `${at(node?.range?.[0] ?? 0)}: ${error.message}`, { reason: error.reason })
    },
  }
}

function keysOf(path: string): readonly (string | number)[] {
  return path
    .split(/[.[\]]+/)
    .filter((key) => key !== '')
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key))
}

/** The node of a path, or of as much of it as is there. */
function nearest(root: Node | null, keys: readonly (string | number)[]): Node | undefined {
  let node = root ?? undefined
  for (const key of keys) {
    const next: unknown = isMap(node) || isSeq(node) ? node.get(key, true) : undefined
    if (next === undefined || next === null) return node
    node = next as Node
  }
  return node
}

type Report = (node: Node | undefined, sentence: string) => void

/** Walks a document; what is wrong is reported, and something harmless put in its place. */
class Reader {
  readonly #report: Report

  constructor(report: Report) {
    this.#report = report
  }

  file(root: Node | null): readonly RuleDraft[] {
    const fields = this.#fields(root ?? undefined, ['rules'], 'the file')
    const rules = fields.get('rules')
    if (isSeq(rules)) return rules.items.map((item) => this.#rule(item as Node))
    this.#report(rules ?? root ?? undefined, 'rules is wanted, a list of rules')
    return []
  }

  #rule(node: Node): RuleDraft {
    const fields = this.#fields(node, ['name', 'match', 'directoryOnly', 'enabled', 'grants'], 'a rule')
    if (!fields.has('match')) this.#report(node, 'match is missing: say which groups the rule is for')
    return {
      name: this.#maybe(fields, 'name', (value) => this.#text(value, 'name')),
      match: fields.has('match') ? this.#match(fields.get('match')!) : { kind: 'everyone' },
      directoryOnly: this.#maybe(fields, 'directoryOnly', (value) => this.#flag(value, 'directoryOnly')),
      enabled: this.#maybe(fields, 'enabled', (value) => this.#flag(value, 'enabled')),
      grants: this.#grants(fields.get('grants')),
    }
  }

  #match(node: Node): RuleDraft['match'] {
    if (isScalar(node)) {
      if (node.value !== 'everyone') this.#report(node, MATCH)
      return { kind: 'everyone' }
    }
    const fields = this.#fields(node, ['name', 'glob', 'externalId', 'connection'], 'match')
    const connection = this.#maybe(fields, 'connection', (value) => this.#text(value, 'connection'))
    const kinds = (['name', 'glob', 'externalId'] as const).filter((each) => fields.has(each))
    const [kind, second] = kinds
    if (kind === undefined || second !== undefined) {
      this.#report(node, MATCH)
      return { kind: 'everyone' }
    }
    return { kind, value: this.#text(fields.get(kind)!, kind), connection }
  }

  #grants(node: Node | undefined): readonly GrantDraft[] {
    if (node === undefined) return []
    if (isSeq(node)) return node.items.flatMap((item) => this.#grant(item as Node))
    this.#report(node, 'grants must be a list')
    return []
  }

  #grant(node: Node): readonly GrantDraft[] {
    const fields = this.#fields(node, ['team', 'role', 'orgRole', 'seat', 'type'], 'a grant')
    const keys = [...fields.keys()].sort().join(' ')
    const text = (key: string): string => this.#text(fields.get(key)!, key)
    if (keys === 'role team') return [{ team: text('team'), role: text('role') }]
    if (keys === 'orgRole') return [{ orgRole: text('orgRole') }]
    if (keys === 'seat type') return [{ seat: text('seat'), type: text('type') }]
    this.#report(node, 'a grant is team and role, or orgRole, or seat and type')
    return []
  }

  #fields(node: Node | undefined, known: readonly string[], what: string): ReadonlyMap<string, Node> {
    const fields = new Map<string, Node>()
    if (!isMap(node)) {
      this.#report(node, `${what} must have keys: ${known.join(', ')}`)
      return fields
    }
    for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
      const name = isScalar(key) ? String(key.value) : ''
      if (!known.includes(name))
        this.#report(key, `${JSON.stringify(name)} is no key of ${what}; there are ${known.join(', ')}`)
      else fields.set(name, value ?? key)
    }
    return fields
  }

  #maybe<T>(fields: ReadonlyMap<string, Node>, key: string, read: (node: Node) => T): T | undefined {
    const node = fields.get(key)
    return node === undefined ? undefined : read(node)
  }

  /** Numbers are taken for text: `externalId: 123`. */
  #text(node: Node, key: string): string {
    if (isScalar(node) && (typeof node.value === 'string' || typeof node.value === 'number')) {
      return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
    }
    this.#report(node, `${key} must be text`)
    return ''
  }

  #flag(node: Node, key: string): boolean {
    if (isScalar(node) && typeof node.value === 'boolean') return node.value
    this.#report(node, `${key} must be true or false`)
    return false
  }
}

const MATCH = 'match is everyone, or has one of name, glob and externalId, and connection where only one counts'

/** Rules as a file that reads back as the same. */
export function writeRulesFile(rules: readonly RuleDraft[]): string {
  const listed = rules.map(({ name, match, directoryOnly, enabled, grants }) => ({
    ...(name === undefined || name === '' ? {} : { name }),
    match:
      match.kind === 'everyone'
        ? 'everyone'
        : {
            [match.kind]: match.value ?? '',
            ...(match.connection === undefined ? {} : { connection: match.connection }),
          },
    ...(directoryOnly === true ? { directoryOnly } : {}),
    ...(enabled === false ? { enabled } : {}),
    ...(grants.length === 0 ? {} : { grants }),
  }))
  // Quoted text, so that what a terminal must not get can stand there escaped.
  const text = stringify(
    { rules: listed },
    { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' },
  )
  return printableLines(text)
}
