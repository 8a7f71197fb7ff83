import { setImmediate as nextIteration } from 'node:timers/promises'
import { expect } from 'chai'
import { createPace } from '../../src/scim/pace.ts'

describe('turns of the event loop', () => {
  it('are given to one task each, in the order they came, so that others are heard between them', async () => {
    const pace = createPace()
    const order: string[] = []
    const task = async (name: string): Promise<void> => {
      await pace.turn()
      order.push(name)
    }
    const tasks = ['a', 'b', 'c', 'd'].map(task)
    for (let iteration = 1; iteration <= 4; iteration++) {
      await nextIteration()
      order.push(`iteration ${iteration}`)
    }
    await Promise.all(tasks)
    // The first takes the turn that is going on, whose end is the second's.
    expect(order.join(', ')).to.equal('a, b, iteration 1, c, iteration 2, d, iteration 3, iteration 4')
  })

  it('cost nothing when nobody else prints', async () => {
    const pace = createPace()
    let iterations = 0
    const counting = nextIteration().then(() => iterations++)
    await pace.turn()
    expect(iterations).to.equal(0)
    await counting
    await nextIteration()
    await pace.turn()
  })
})
