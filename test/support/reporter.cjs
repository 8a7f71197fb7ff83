const { relative, resolve } = require('node:path')
const { Runner, reporters } = require('mocha')

const { EVENT_HOOK_END, EVENT_RUN_END, EVENT_TEST_END } = Runner.constants

/** So many files and titles are listed at the end of a run of more than one file. */
const LISTED = 30

const seconds = (ms) => `${(ms / 1000).toFixed(1).padStart(7)} s`

/**
 * Mocha's spec reporter, with the files and titles that took longest, and one last line that a script can read:
 * `N passed, N failed`.
 */
class CountingSpec extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    const files = new Map()
    const titles = []
    const count = ({ file, duration = 0 }, part) => {
      if (file === undefined) return
      const times = files.get(file) ?? { tests: 0, hooks: 0 }
      times[part] += duration
      files.set(file, times)
    }
    runner.on(EVENT_HOOK_END, (hook) => count(hook, 'hooks'))
    runner.on(EVENT_TEST_END, (test) => {
      count(test, 'tests')
      titles.push({ ms: test.duration ?? 0, title: test.fullTitle() })
    })
    runner.once(EVENT_RUN_END, () => {
      if (files.size > 1) tell(files, titles)
      for (const file of unheard(files)) console.log(`!!!! nothing was heard of ${file}`)
      console.log(`${this.stats.passes} passed, ${this.stats.failures} failed`)
    })
  }
}

/** The files that were asked for and of which no test ended. */
function unheard(files) {
  return process.argv.filter((word) => word.endsWith('.test.ts') && !files.has(resolve(word)))
}

function tell(files, titles) {
  const all = [...files].map(([file, { tests, hooks }]) => ({ file, tests, hooks, ms: tests + hooks }))
  console.log('slowest files, what of it their hooks took, and how long all before took together:')
  let sum = 0
  for (const { file, ms, hooks } of all.sort((a, b) => b.ms - a.ms).slice(0, LISTED)) {
    sum += ms
    console.log(`${seconds(ms)} ${seconds(hooks)} ${seconds(sum)}  ${relative(process.cwd(), file)}`)
  }
  const total = (part) => all.reduce((whole, times) => whole + times[part], 0)
  console.log(
    `${seconds(total('ms'))} ${seconds(total('hooks'))}            all ${all.length} files\n\nslowest titles:`,
  )
  for (const { ms, title } of titles.sort((a, b) => b.ms - a.ms).slice(0, LISTED))
    console.log(`${seconds(ms)}  ${title}`)
  console.log()
}

module.exports = CountingSpec
