import type { ClaimedMail, MailQueue } from '../domain/outbox.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import { giveUp } from './give-up.ts'
import { MailFailure, type MailServer, SEND_LIMIT_MS } from './smtp.ts'
import { wordsOf } from './texts.ts'

const EVERY_MS = 2_000
/** Mails that are on their way at once. */
const AT_ONCE = 5
/** Longer than all of them can take, so that no other instance sends one that is still on its way. */
const LEASE_MS = 3 * SEND_LIMIT_MS
/** The first wait after a failure, doubled each time up to the longest. */
const FIRST_WAIT_MS = 30_000
const LONGEST_WAIT_MS = 3_600_000
/** A mail is tried for three days, as mail servers do (RFC 5321 §4.5.4.1). */
const GIVE_UP_MS = 3 * 86_400_000
/** After a failure of the server itself nothing is tried for this long. */
const PAUSE_MS = 30_000
const KEPT_MS = 30 * 86_400_000
const PURGE_EVERY_MS = 3_600_000

export interface PostmanParts {
  readonly queue: MailQueue
  readonly work: UnitOfWork
  readonly server: MailServer
  /** Where links lead, without a slash at the end. */
  readonly publicUrl: string
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Told of mails and rounds that failed; a mail's problem is a code, never the server's words. */
  readonly onProblem: (problem: MailProblem) => void
}

export interface MailProblem {
  readonly message: string
  readonly id?: string
  readonly problem?: string
  readonly error?: unknown
}

/** Sends what is due. */
export interface Postman {
  /** Sends everything that is due now. */
  round(): Promise<void>
  /** Takes no more mail, and waits at most so many milliseconds for what is on its way. */
  stop(waitMs?: number): Promise<void>
}

/** Starts sending, every two seconds; the timer does not keep the process alive. */
export function startPostman(parts: PostmanParts): Postman {
  const postman = createPostman(parts)
  const timer = setInterval(() => void postman.round(), EVERY_MS)
  timer.unref()
  return {
    ...postman,
    stop(waitMs) {
      clearInterval(timer)
      return postman.stop(waitMs)
    },
  }
}

/** The postman without his clock: `round` is called from outside. */
export function createPostman(parts: PostmanParts): Postman {
  const { queue, now, onProblem } = parts
  let stopped = false
  let running: Promise<void> | undefined
  let pausedUntil = 0
  let purgeAt = 0

  async function sendDue(): Promise<void> {
    if (now() >= purgeAt) {
      purgeAt = now() + PURGE_EVERY_MS
      await queue.purge(now() - KEPT_MS)
    }
    while (!stopped && now() >= pausedUntil) {
      const claimed = await queue.claim(now(), now() + LEASE_MS, AT_ONCE)
      if (claimed.length === 0) return
      const ofServer = await Promise.all(claimed.map((one) => send(parts, one)))
      if (ofServer.every(Boolean)) pausedUntil = now() + PAUSE_MS
    }
  }

  return {
    round() {
      running ??= sendDue()
        .catch((error: unknown) => {
          onProblem({ message: 'the outbox could not be read; it is tried again', error })
        })
        .finally(() => {
          running = undefined
        })
      return running
    },
    async stop(waitMs = 5_000) {
      stopped = true
      if (running === undefined) return
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitMs)
      })
      await Promise.race([running, limit])
      clearTimeout(timer)
    },
  }
}

/** @returns whether it failed by the server's doing, so that other mail would fare no better */
async function send(parts: PostmanParts, claimed: ClaimedMail): Promise<boolean> {
  const { queue, server, publicUrl, now } = parts
  if (claimed.mail === undefined) {
    await fail(parts, claimed, 'outbox.unreadable')
    return false
  }
  const { to, content } = claimed.mail
  const messageId = `<${claimed.id}@${new URL(publicUrl).hostname}>`
  try {
    await server.send({ to, messageId, ...wordsOf(content, publicUrl) })
  } catch (error) {
    return retryOrFail(parts, claimed, error)
  }
  await queue.sent(claimed, now())
  return false
}

async function retryOrFail(parts: PostmanParts, claimed: ClaimedMail, error: unknown): Promise<boolean> {
  const failure = error instanceof MailFailure ? error : undefined
  const problem = failure?.problem ?? 'mail.error'
  const wait = Math.min(FIRST_WAIT_MS * 2 ** (claimed.attempts - 1), LONGEST_WAIT_MS)
  const next = parts.now() + wait
  if (failure?.permanent === true || next > claimed.created + GIVE_UP_MS) await fail(parts, claimed, problem)
  else {
    parts.onProblem({ message: 'a mail was not taken and is tried again', id: claimed.id, problem })
    await parts.queue.later(claimed, next, problem)
  }
  return failure?.ofServer ?? false
}

async function fail(
  { work, onProblem }: PostmanParts,
  { orgId, id, mail }: ClaimedMail,
  problem: string,
): Promise<void> {
  onProblem({ message: 'a mail is given up', id, problem })
  await giveUp(work, { orgId, id, person: mail?.person, kind: mail?.content.kind, problem })
}
