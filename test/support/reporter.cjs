const { Runner, reporters } = require('mocha')

const { EVENT_RUN_END } = Runner.constants

/** Mocha's spec reporter with one more, last line that a script can read: `N passed, N failed`. */
class CountingSpec extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(EVENT_RUN_END, () => {
      console.log(`${this.stats.passes} passed, ${this.stats.failures} failed`)
    })
  }
}

module.exports = CountingSpec
