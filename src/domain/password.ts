import { COMMON_WORDS } from './common-passwords.ts'

/** Fewer characters are refused (NIST SP 800-63B-4 §3.1.1.2 asks for more than 8; here no second factor stands beside). */
export const SHORTEST_PASSWORD = 12
const LONGEST_PASSWORD = 256

const RUNS = [
  '01234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'azertyuiop',
]
const BACKWARDS = RUNS.map((run) => [...run].reverse().join(''))

/**
 * Why a password may not be chosen: a sentence for the person; undefined when it may. Length counts code points. What is
 * made of common words, of runs of the keyboard, of one thing again and again or of the person's own name is common,
 * whatever digits and signs stand round it.
 * @param own what the person is known by: userName, e-mail, organisation
 */
export function passwordProblem(password: string, own: readonly string[]): string | undefined {
  const length = [...password].length
  if (length < SHORTEST_PASSWORD) return `Choose a password of at least ${SHORTEST_PASSWORD} characters.`
  if (length > LONGEST_PASSWORD) return `Choose a password of at most ${LONGEST_PASSWORD} characters.`
  if (/\p{Cc}/u.test(password)) return 'A password may not hold control characters.'
  const plain = plainOf(password)
  const rest = withoutCommon(plain, own.flatMap(namesIn))
  if (rest.length >= FEWEST_UNCOMMON && new Set(rest).size >= FEWEST_DISTINCT) return undefined
  return 'This password is too easy to guess: it is made of common words, repetitions or your own name. Choose another.'
}

/** So much must be left once everything common is taken out, and in it so many different characters. */
const FEWEST_UNCOMMON = 5
const FEWEST_DISTINCT = 4

/** Lower case without accents, and signs that stand for letters read as these. */
function plainOf(password: string): string {
  const lower = password.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return lower.replaceAll('@', 'a').replaceAll('$', 's').replaceAll('!', 'i')
}

function withoutCommon(plain: string, own: readonly string[]): string {
  const unleet = plain.replaceAll('0', 'o').replaceAll('1', 'i').replaceAll('3', 'e').replaceAll('5', 's')
  const common = [...own, ...COMMON_WORDS].sort((a, b) => b.length - a.length)
  const shortest = [plain, unleet].map((text) => withoutRuns(withoutWords(text, common)))
  return shortest.reduce((least, text) => (text.length < least.length ? text : least))
}

function withoutWords(text: string, words: readonly string[]): string {
  return words.reduce((left, word) => left.replaceAll(word, ' '), text)
}

/** Takes out years, repetitions and runs of three and more characters. */
function withoutRuns(text: string): string {
  let left = text.replaceAll(/(?:19|20)\d\d/g, ' ').replaceAll(/(.{1,6}?)\1{2,}/gu, ' ')
  for (const run of [...RUNS, ...BACKWARDS]) {
    for (let length = run.length; length >= 3; length--) {
      for (let at = 0; at + length <= run.length; at++) left = left.replaceAll(run.slice(at, at + length), ' ')
    }
  }
  return left.replaceAll(/[\s\p{P}]/gu, '')
}

/** The parts of a name or address that somebody would try: of four letters and more. */
function namesIn(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part.length >= 4)
}
