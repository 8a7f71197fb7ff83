/*
 * Loaded into a measured server by `--import`: tells over the process channel how long its event loop was held at most
 * since it was asked last, in milliseconds. Seen from outside, a wait would hold those of the client as well.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 2
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()

process.on('message', () => {
  const longest = delay.max / 1e6 - RESOLUTION_MS
  delay.reset()
  process.send({ holdMs: Math.max(0, longest) })
})
// The channel alone must not keep a server from ending.
process.channel.unref()
