/** How many resources are read and printed without asking for a turn. */
export const FEW = 10

/**
 * Lets one task at a time have a turn of the event loop: many clients that each ask for a page at once would else have
 * all their pages read and printed before anything else is heard. Who comes to an idle loop waits for nothing.
 */
export interface Pace {
  turn(): Promise<void>
}

export function createPace(): Pace {
  const waiting: (() => void)[] = []
  let taken = false

  function take(): void {
    taken = true
    setImmediate(() => {
      taken = false
      const next = waiting.shift()
      if (next === undefined) return
      take()
      next()
    })
  }

  return {
    turn() {
      if (taken) return new Promise((resolve) => waiting.push(resolve))
      take()
      return Promise.resolve()
    },
  }
}

/** The event loop is one for all requests of the process, and so are its turns. */
export const printing = createPace()
