import type { AttributeRef, Comparison, Filter } from '../../domain/filter.ts'
import type { AttributeDefinition, SchemaView } from '../schema/view.ts'
import { compareConstant, isConstant, join, negate } from './constant.ts'
import { FilterFault, type Token, tokenize } from './lex.ts'
import { type Operand, refuseOperator, typedLiteral } from './literal.ts'
import { comparedSub, referenceTo, refuseHidden, resolveName, resolveSub, shown, type Resolved } from './resolve.ts'

/** What one request may cost; a larger filter is refused before anything is resolved or run. */
export const FILTER_LIMITS = { bytes: 8 * 1024, depth: 20, terms: 200 } as const

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map(
  (['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const).map((op) => [op, op]),
)

/** What names mean at a place in the text: attributes of the resource, or sub-attributes of an element. */
type Scope = (name: string, at: number) => Resolved

/** One test, ready to be put on an attribute: `pr`, or an operator with its value. */
interface Test {
  readonly op: Comparison | 'pr'
  readonly at: number
  readonly operand: Operand | undefined
}

/**
 * Recursive descent over the grammar of RFC 7644 §3.4.2.2 (Figure 1), one token at a time and never back, so the cost
 * is linear. Every method throws FilterFault.
 */
export class FilterReader {
  readonly #view: SchemaView
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0
  #terms = 0

  constructor(text: string, view: SchemaView) {
    if (Buffer.byteLength(text) > FILTER_LIMITS.bytes) {
      throw new FilterFault(0, `it is longer than ${FILTER_LIMITS.bytes} bytes.`)
    }
    this.#view = view
    this.#tokens = tokenize(text)
  }

  /** The token that comes, which stays. */
  peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', at: 0 }
  }

  /** The token that comes, which is taken. */
  take(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#next++
    return token
  }

  expectEnd(): void {
    const token = this.peek()
    if (token.kind !== 'end') throw new FilterFault(token.at, `${describe(token)} is too much here.`)
  }

  /** A whole filter over the attributes of the resource. */
  filter(): Filter {
    return this.#or((name, at) => resolveName(this.#view, name, at))
  }

  /** The `[…]` that comes, over the sub-attributes of an element; a plain value's only one is `value`. */
  elementFilter(element: Resolved): Filter {
    const open = this.take()
    const { attribute } = element
    if (attribute === undefined || element.sub !== undefined || !hasElements(attribute)) {
      throw new FilterFault(open.at, 'only an attribute that has sub-attributes or several values takes a [filter].')
    }
    return this.#nested(open.at, ']', () => this.#or((name, at) => this.#inElement(element, name, at)))
  }

  #or(scope: Scope): Filter {
    const terms = [this.#and(scope)]
    while (this.#takeKeyword('or')) terms.push(this.#and(scope))
    return join('or', terms)
  }

  #and(scope: Scope): Filter {
    const terms = [this.#term(scope)]
    while (this.#takeKeyword('and')) terms.push(this.#term(scope))
    return join('and', terms)
  }

  #takeKeyword(keyword: string): boolean {
    const token = this.peek()
    const found = token.kind === 'word' && token.text.toLowerCase() === keyword
    if (found) this.#next++
    return found
  }

  #nested(at: number, close: ')' | ']', read: () => Filter): Filter {
    if (++this.#depth > FILTER_LIMITS.depth) {
      throw new FilterFault(at, `it is nested deeper than ${FILTER_LIMITS.depth} levels.`)
    }
    const inner = read()
    const end = this.take()
    if (end.kind !== close) {
      throw new FilterFault(end.at, `"and", "or" or "${close}" is needed here, not ${describe(end)}.`)
    }
    this.#depth--
    return inner
  }

  #term(scope: Scope): Filter {
    const token = this.take()
    if (token.kind === '(') return this.#nested(token.at, ')', () => this.#or(scope))
    if (token.kind !== 'word') throw new FilterFault(token.at, `an attribute is needed here, not ${describe(token)}.`)
    const next = this.peek()
    if (token.text.toLowerCase() === 'not') {
      if (next.kind !== '(') throw new FilterFault(next.at, 'not is followed by a filter in parentheses.')
      return negate(this.#nested(this.take().at, ')', () => this.#or(scope)))
    }
    const resolved = scope(token.text, token.at)
    return next.kind === '[' ? this.#valuePath(resolved) : this.#leaf(resolved, token.at, this.#test())
  }

  /**
   * `emails[type eq "work"]`, and beyond the RFC's grammar what Entra ID asks to match a person by:
   * `emails[type eq "work"].value eq "…"`.
   */
  #valuePath(element: Resolved): Filter {
    const where = this.elementFilter(element)
    const after = this.peek()
    if (after.kind !== 'word' || !after.text.startsWith('.')) return selected(element, where)
    this.#next++
    const inner = this.#inElement(element, after.text.slice(1), after.at + 1)
    const test = this.#test()
    if (!isOpposite(test)) return selected(element, join('and', [where, this.#leaf(inner, after.at, test)]))
    const leaf = this.#leaf(inner, after.at, { ...test, op: 'eq' })
    return negate(selected(element, join('and', [where, leaf])))
  }

  /** A name within brackets. Elements are looked at one by one, so a reference begins at the element. */
  #inElement(element: Resolved, name: string, at: number): Resolved {
    const { attribute, extension } = element
    if (attribute === undefined) throw new FilterFault(at, 'an attribute is needed before "[".')
    if (attribute.type !== 'complex' && name.toLowerCase() === 'value') {
      const value = { ...attribute, name: 'value', multiValued: false }
      return { extension: undefined, attribute: value, sub: undefined }
    }
    const sub = resolveSub(attribute, name, at)
    refuseHidden({ extension, attribute, sub }, at)
    // The whole path of a single complex value reads the same, and lets a store use what it keeps of it.
    return attribute.multiValued ? { extension: undefined, attribute: sub, sub: undefined } : { ...element, sub }
  }

  #test(): Test {
    const token = this.take()
    const name = token.kind === 'word' ? token.text.toLowerCase() : ''
    if (name === 'pr') return { op: 'pr', at: token.at, operand: undefined }
    const op = COMPARISONS.get(name)
    if (op === undefined) {
      const known = `${[...COMPARISONS.keys()].join(', ')} or pr`
      throw new FilterFault(token.at, `an operator (${known}) is needed here, not ${describe(token)}.`)
    }
    return { op, at: token.at, operand: this.#operand() }
  }

  #operand(): Operand {
    const token = this.take()
    if (token.kind === 'string' || token.kind === 'number') return { value: token.value, at: token.at }
    const word = token.kind === 'word' ? token.text.toLowerCase() : ''
    if (word === 'true' || word === 'false') return { value: word === 'true', at: token.at }
    if (word === 'null') return { value: null, at: token.at }
    throw new FilterFault(
      token.at,
      `a value is needed here, not ${describe(token)}; text to compare with stands in double quotes.`,
    )
  }

  #leaf(resolved: Resolved, at: number, test: Test): Filter {
    if (++this.#terms > FILTER_LIMITS.terms) throw new FilterFault(at, `it has more than ${FILTER_LIMITS.terms} terms.`)
    const { op, operand } = test
    if (op === 'pr' || operand === undefined) return this.#present(resolved, at)
    if (operand.value === null) {
      if (op === 'ne') return this.#present(resolved, at)
      if (op === 'eq') return negate(this.#present(resolved, at))
      throw new FilterFault(operand.at, `${op} cannot compare with null; use pr, eq null or ne null.`)
    }
    return this.#compare(resolved, at, { op, at: test.at, operand })
  }

  #present(resolved: Resolved, at: number): Filter {
    refuseHidden(resolved, at)
    if (isConstant(this.#view, resolved)) return { kind: 'constant', value: true }
    return { kind: 'present', at: referenceTo(resolved) }
  }

  #compare(resolved: Resolved, at: number, test: { op: Comparison; at: number; operand: Operand }): Filter {
    const target = { ...resolved, sub: comparedSub(resolved, at) }
    const definition = target.sub ?? target.attribute
    if (definition === undefined) throw new FilterFault(at, 'a schema can only be asked for presence, with pr.')
    refuseHidden(target, at)
    refuseOperator(definition, test.op, test.at)
    const value = typedLiteral(definition, test.operand)
    if (!isConstant(this.#view, target)) return { kind: 'compare', at: referenceTo(target), op: test.op, value }
    if (test.op !== 'ne') return compareConstant(this.#view, target, test.op, value)
    return negate(compareConstant(this.#view, target, 'eq', value))
  }
}

/** `ne` looks at all values: none that the brackets select may be equal. */
function isOpposite({ op, operand }: Test): boolean {
  return op === 'ne' && operand?.value !== null
}

function hasElements({ type, multiValued, name }: AttributeDefinition): boolean {
  return (type === 'complex' || multiValued) && name !== 'schemas'
}

/** One element satisfies `where`; the single value of a complex attribute counts as one element. */
function selected(element: Resolved, where: Filter): Filter {
  const at: AttributeRef = referenceTo(element)
  return at.multiValued ? { kind: 'some', at, where } : join('and', [{ kind: 'present', at }, where])
}

function describe(token: Token): string {
  if (token.kind === 'end') return 'the end'
  if (token.kind === 'string') return 'a text in quotes'
  return token.kind === 'word' || token.kind === 'number' ? shown(token.text) : `"${token.kind}"`
}
