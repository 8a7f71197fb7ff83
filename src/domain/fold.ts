/** A plain ASCII text is its own NFKC form, and folding it is lower-casing it. */
const ASCII = /^[\0-\x7f]*$/

/** Small Cherokee letters came later than the capitals, so they fold upwards (CaseFolding.txt). */
const SMALL_CHEROKEE = /^[\u13f8-\u13fd\uab70-\uabbf]$/

/** CaseFolding.txt has the dotless i under status T only (Turkic): it folds to itself and never equals i. */
const DOTLESS_I = '\u0131'

function isOne(text: string): boolean {
  return String.fromCodePoint(text.codePointAt(0) ?? 0) === text
}

/**
 * The simple case folding of one code point: CaseFolding.txt, status C and S. Lower-casing the capital brings variants
 * such as ς and σ together; a mapping to several code points belongs to full folding and is passed over.
 */
function foldCodePoint(char: string): string {
  if (char === DOTLESS_I || char < '\x80') return char.toLowerCase()
  const upper = char.toUpperCase()
  if (SMALL_CHEROKEE.test(char)) return upper
  const lower = (isOne(upper) ? upper : char).toLowerCase()
  return isOne(lower) && !SMALL_CHEROKEE.test(lower) ? lower : char
}

function foldOnce(text: string): string {
  let folded = ''
  for (const char of text.normalize('NFKC')) folded += foldCodePoint(char)
  return folded.normalize('NFKC')
}

/**
 * The form in which SCIM compares text without case (RFC 7643 §2.2 caseExact; RFC 7644 §7.8 warns of collisions):
 * NFKC, simple case folding of each code point, NFKC, until nothing changes, so `fold(fold(x)) === fold(x)`. ς counts
 * as σ, ẞ as ß, the Kelvin sign and full-width letters as the plain ones; ß is not ss, ı and İ are not i.
 */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  let folded = foldOnce(text)
  for (let next = foldOnce(folded); next !== folded; next = foldOnce(folded)) folded = next
  return folded
}
