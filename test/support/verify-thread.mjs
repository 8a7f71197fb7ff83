// Runs the product's own thread from its source: a thread does not take the loader over from who begins it.
import { register } from 'tsx/esm/api'

register()
await import('../../src/verify-thread.ts')
