import { DomainError, type DomainErrorCode } from '../../domain/errors.ts'

/** What is wrong with a filter or path, and where; the entry points turn it into a DomainError. */
export class FilterFault extends Error {
  /** 0-based, in UTF-16 units. */
  readonly position: number

  constructor(position: number, message: string) {
    super(message)
    this.name = 'FilterFault'
    this.position = position
  }
}

/**
 * Runs `read`, turning a fault into a DomainError whose sentence begins with `subject` and the 1-based position.
 * @param subject `Filter`, `Path`, `sortBy`
 */
export function reportingFaults<T>(subject: string, code: DomainErrorCode, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FilterFault)) throw error
    throw new DomainError(code, `${subject}, position ${error.position + 1}: ${error.message}`)
  }
}

export type Token =
  | { readonly kind: '(' | ')' | '[' | ']' | 'end'; readonly at: number }
  /** Attribute path, operator or keyword; `.value` where it follows a `]`. */
  | { readonly kind: 'word'; readonly at: number; readonly text: string }
  | { readonly kind: 'string'; readonly at: number; readonly value: string }
  | { readonly kind: 'number'; readonly at: number; readonly value: number; readonly text: string }

const SPACE = /[ \t\r\n]*/y
const WORD = /[A-Za-z_$.][\w$.:-]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y
const STRING = /"(?:[^"\\]|\\.)*"/sy

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** The text of a JSON string literal (RFC 7644 §3.4.2.2 takes compValue from RFC 8259). */
function readString(raw: string, at: number): string {
  let value: string
  try {
    value = JSON.parse(raw) as string
  } catch {
    throw new FilterFault(at, 'the text in quotes must be a JSON string; write \\" for a quote, \\\\ for a backslash.')
  }
  if (value.includes('\0')) throw new FilterFault(at, 'U+0000 cannot be compared with; no stored value holds it.')
  if (/\p{Surrogate}/u.test(value)) throw new FilterFault(at, 'half of a surrogate pair is no character.')
  return value
}

function readToken(text: string, at: number): { readonly token: Token; readonly length: number } {
  const char = text.charAt(at)
  if (char === '(' || char === ')' || char === '[' || char === ']') return { token: { kind: char, at }, length: 1 }
  if (char === '"') {
    const raw = match(STRING, text, at)
    if (raw === undefined) throw new FilterFault(at, 'the quote that opens here is never closed.')
    return { token: { kind: 'string', at, value: readString(raw, at) }, length: raw.length }
  }
  const word = match(WORD, text, at)
  if (word !== undefined) return { token: { kind: 'word', at, text: word }, length: word.length }
  const number = match(NUMBER, text, at)
  if (number === undefined) {
    const shown = String.fromCodePoint(text.codePointAt(at) ?? 0)
    throw new FilterFault(at, `"${shown}" is not expected here; text to compare with stands in double quotes.`)
  }
  return { token: { kind: 'number', at, value: Number(number), text: number }, length: number.length }
}

/**
 * Cuts a filter or path into tokens, in linear time; the last one is `end`.
 * @throws FilterFault
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = match(SPACE, text, 0)?.length ?? 0
  while (at < text.length) {
    const { token, length } = readToken(text, at)
    tokens.push(token)
    at += length
    at += match(SPACE, text, at)?.length ?? 0
  }
  tokens.push({ kind: 'end', at })
  return tokens
}
