import type { UserId } from '../domain/ids.ts'
import { Personal } from '../domain/record.ts'

/** Whose key free text of operators is kept under: it may name anybody. */
const OPERATOR = 'operator' as UserId

/** Free text of an operator for a record: sealed beside it, since it may name anybody. */
export function operatorText(text: string): Personal {
  return new Personal(OPERATOR, text)
}
