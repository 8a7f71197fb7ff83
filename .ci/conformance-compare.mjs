/** What no two runs have in common: ids, names of a case, times, addresses, cursors, and lengths that follow from them. */
const OWN = [
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g,
  /c[0-9a-f]{12}/g,
  /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g,
  /127\.0\.0\.1:\d+/g,
  /(?<="nextCursor":")[^"]+|(?<=cursor=)[^&\s"]+/g,
]

const HEADERS = ['content-type', 'etag', 'location', 'allow', 'www-authenticate', 'retry-after']

/** Memberships are listed by id, and ids made within one millisecond are in no order: they compare by what they show. */
function inOneOrder(text) {
  try {
    return JSON.stringify(JSON.parse(text, (key, value) => (LISTED_BY_ID.has(key) ? sorted(value) : value)))
  } catch {
    return text
  }
}

const LISTED_BY_ID = new Set(['members', 'groups'])

const sorted = (values) =>
  Array.isArray(values) ? values.toSorted((a, b) => (`${a.display}` < `${b.display}` ? -1 : 1)) : values

/** An answer as text in which each value of its own kind is replaced by the place where it was first seen in the case. */
function shape({ method, path, status, headers, text }, places) {
  const kept = HEADERS.map((name) => `${name}: ${headers[name] ?? ''}`)
  let whole = [method, path, status, ...kept, inOneOrder(text)].join('\n')
  OWN.forEach((pattern, kind) => {
    whole = whole.replace(pattern, (value) => {
      const key = `${kind}:${value}`
      // Two writes may or may not fall into one millisecond.
      if (kind === 2) return '<time>'
      if (!places.has(key)) places.set(key, places.size)
      return `<${places.get(key)}>`
    })
  })
  return whole
}

function byCase(answers) {
  const cases = new Map()
  for (const answer of answers) cases.set(answer.case, [...(cases.get(answer.case) ?? []), answer])
  return cases
}

/** Where two runs differ in the result of a case or in one of its answers, a line each. */
export function differences(one, other) {
  const lines = []
  const results = new Map(other.cases.map(({ id, result, reason }) => [id, `${result} ${reason ?? ''}`]))
  for (const { id, result, reason } of one.cases)
    if (results.get(id) !== `${result} ${reason ?? ''}`) lines.push(`${id}: ${result}, and ${results.get(id)}`)
  const others = byCase(other.answers)
  for (const [id, answers] of byCase(one.answers)) {
    const [places, otherPlaces] = [new Map(), new Map()]
    const counterparts = others.get(id) ?? []
    if (answers.length !== counterparts.length)
      lines.push(`${id}: ${answers.length} answers, and ${counterparts.length}`)
    const unlike = answers
      .map((answer, index) => [shape(answer, places), shape(counterparts[index] ?? answer, otherPlaces)])
      .find(([first, second]) => first !== second)
    if (unlike !== undefined) lines.push(`${id}:\n${unlike[0]}\n--- and\n${unlike[1]}`)
  }
  return lines
}

/** The cases that passed with no credential, a line each, but for those known with their reason. */
export function passedOver(reports, known) {
  const cases = new Map()
  for (const { id, result, reason } of reports.flatMap((report) => report.cases))
    cases.set(id, [...(cases.get(id) ?? []), { result, reason }])
  const lines = []
  for (const [id, outcomes] of cases) {
    if (outcomes.some(({ result }) => result !== 'skipped')) continue
    const unknown = outcomes.find(({ reason }) => reason !== known.get(id))
    if (unknown !== undefined) lines.push(`${id} was skipped with every credential: ${unknown.reason}`)
  }
  for (const id of known.keys())
    if (cases.get(id)?.some(({ result }) => result !== 'skipped') !== false) lines.push(`${id} is not skipped any more`)
  return lines
}
