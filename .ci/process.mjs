import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** A TCP port of loopback that nothing listens on at this moment. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Runs a command to its end with our output. Throws when it fails. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
  const [status, signal] = await once(child, 'exit')
  if (status !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${signal ?? status}`)
}

/** Waits until `check` answers true. Throws when the child ends before that, or after `seconds`. */
export async function until(check, child, seconds = 60) {
  const end = Date.now() + seconds * 1000
  while (!(await check())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the gateway ended before it was ready')
    if (Date.now() > end) throw new Error(`the gateway was not ready within ${seconds} s`)
    await wait(100)
  }
}

/** True when the address answers 2xx. */
export const answers = (url) =>
  fetch(url, { signal: AbortSignal.timeout(5000) }).then(
    (answer) => answer.ok,
    () => false,
  )

/** Ends a child by SIGTERM and waits. Throws when it needs longer than `seconds`, or ends with another status than 0. */
export async function stop(child, seconds = 20) {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    if ((await Promise.race([ended, wait(seconds * 1000, 'late', { ref: false })])) === 'late') {
      child.kill('SIGKILL')
      throw new Error(`the gateway did not end within ${seconds} s of SIGTERM`)
    }
  }
  if (child.exitCode !== 0) throw new Error(`the gateway ended with ${child.signalCode ?? child.exitCode}`)
}
