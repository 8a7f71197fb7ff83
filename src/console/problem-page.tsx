import type { Response } from 'express'
import type { VNode } from 'preact'
import { DomainError } from '../domain/errors.ts'
import { ERROR_STATUS } from '../domain/error-status.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { requestContextOf } from '../http/request-context.ts'
import { Link, Page } from './page.tsx'
import { render } from './render.tsx'

const TITLES: Readonly<Record<number, string>> = {
  400: 'This cannot be read',
  401: 'Sign in first',
  403: 'This is not allowed',
  404: 'There is nothing here',
  405: 'This cannot be done here',
  409: 'This cannot be done now',
  413: 'This is too large',
  429: 'Too many attempts',
  503: 'Not available at the moment',
}

interface ProblemProps {
  readonly title: string
  /** What to do about it, for the person who reads it. */
  readonly sentence: string
  readonly requestId: string
}

/** What went wrong and what to do; whoever is asked for help finds the request by its id. */
export function ProblemPage({ title, sentence, requestId }: ProblemProps): VNode {
  return (
    <Page title={title}>
      <p role="alert">{sentence}</p>
      <p>
        <Link to="/signin">To the sign-in page</Link>
      </p>
      <p class="small">
        Request <code>{requestId}</code>
      </p>
    </Page>
  )
}

/** Answers a refusal in words of its own. */
export function renderProblem(res: Response, status: number, sentence: string, title?: string): void {
  const { id: requestId } = requestContextOf(res)
  const heading = title ?? TITLES[status] ?? (status < 500 ? 'This was refused' : 'Something went wrong on our side')
  render(res, status, <ProblemPage title={heading} sentence={sentence} requestId={requestId} />)
}

/** The refusal of who tried too often. @param retryAfter seconds */
export function tooMany(retryAfter: number): Error {
  return Object.assign(new Error('too many attempts'), { status: 429, retryAfter })
}

/** Seconds a browser waits after an outage that named no time of its own. */
const RETRY_AFTER = 5

/** Answers what was thrown. A failure of ours says only which request it was; its cause goes to `report`. */
export function answerError(res: Response, error: unknown, report: (error: unknown, requestId: string) => void): void {
  const { status, sentence, retryAfter } = problemOf(error)
  if (status >= 500) report(error, requestContextOf(res).id)
  if (res.headersSent) return
  if (retryAfter !== undefined) res.setHeader('Retry-After', String(retryAfter))
  renderProblem(res, status, sentence)
}

interface Problem {
  readonly status: number
  readonly sentence: string
  readonly retryAfter?: number | undefined
}

const OUTAGE = 'The directory cannot be reached right now. Your account is not the cause; try again in a moment.'

function problemOf(error: unknown): Problem {
  if (error instanceof DomainError) {
    const status = ERROR_STATUS[error.code]
    if (status !== 503) return { status, sentence: error.message }
    return { status, sentence: OUTAGE, retryAfter: error.retryAfter ?? RETRY_AFTER }
  }
  if (error instanceof HttpProblem) return { status: error.status, sentence: error.message }
  if (!(error instanceof Error) || !('status' in error)) return FAILURE
  return ofStatus(error.status, 'retryAfter' in error ? error.retryAfter : undefined)
}

const FAILURE: Problem = { status: 500, sentence: 'Try again. If it happens again, tell whoever runs this gateway.' }

/** What libraries and authentication throw: a status that is the client's doing, or an outage. */
function ofStatus(status: unknown, wait: unknown): Problem {
  const retryAfter = typeof wait === 'number' ? wait : undefined
  if (status === 503) return { status, sentence: OUTAGE, retryAfter: retryAfter ?? RETRY_AFTER }
  if (status === 429) return { status, sentence: `Try again in ${retryAfter ?? 60} seconds.`, retryAfter }
  if (typeof status !== 'number' || status < 400 || status > 499) return FAILURE
  return { status, sentence: 'The request could not be read. Go back, reload the page and try again.' }
}
