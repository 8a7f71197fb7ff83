/** Told how far the demo is; steps are people and groups handled, not requests. */
export interface DemoProgress {
  readonly begin: (total: number) => void
  /** @param steps by how many; one if absent */
  readonly advance: (phase: string, steps?: number) => void
  /** Called once, also when the demo fails. */
  readonly end: () => void
}

/** Where progress is written: standard error, so that standard output stays the result's. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Says nothing. */
export const SILENT: DemoProgress = { begin: () => undefined, advance: () => undefined, end: () => undefined }

const BAR_WIDTH = 30
const REDRAW_MS = 100

/**
 * Progress on a terminal as one line that is drawn anew (bar, done/total, rate, phase), elsewhere as a line each 10 %.
 * @param now milliseconds of a clock that never goes back.
 */
export function streamProgress(stream: ProgressStream, now: () => number = () => performance.now()): DemoProgress {
  let total = 0
  let done = 0
  let started = 0
  let drawn = Number.NEGATIVE_INFINITY
  let phase = ''
  const line = (): string => {
    const rate = done / Math.max((now() - started) / 1000, 0.001)
    return `${done}/${total} ${rate.toFixed(0)}/s ${phase}`
  }
  const draw = (): void => {
    const filled = total === 0 ? BAR_WIDTH : Math.floor((done / total) * BAR_WIDTH)
    const text = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${line()}`
    stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`)
    drawn = now()
  }
  return {
    begin: (count) => {
      total = count
      started = now()
      if (stream.isTTY === true) draw()
    },
    advance: (name, steps = 1) => {
      const before = tenth(done, total)
      done += steps
      phase = name
      if (stream.isTTY !== true) {
        if (tenth(done, total) > before) stream.write(`${tenth(done, total) * 10} % ${line()}\n`)
      } else if (done === total || now() - drawn >= REDRAW_MS) draw()
    },
    end: () => {
      if (stream.isTTY !== true) return
      draw()
      stream.write('\n')
    },
  }
}

function tenth(done: number, total: number): number {
  return total === 0 ? 10 : Math.floor((done * 10) / total)
}
