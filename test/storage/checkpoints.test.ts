import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openTestStore } from '../support/databases.ts'
import { foundTenant } from '../support/tenant.ts'

describe('the write-ahead log of the embedded store', () => {
  it('is copied into the file while changes go on, so it stays small', async function () {
    this.timeout(30_000)
    const test = await openTestStore('sqlite')
    const tenant = await foundTenant(test)
    const sizeOf = (name: string): number => statSync(join(test.dataDir, name)).size
    const before = sizeOf('rollcall.db')
    for (let n = 0; n < 20; n++) {
      await Promise.all(Array.from({ length: 20 }, (_, k) => tenant.user(`person-${n}-${k}@example.com`)))
    }
    // Without a checkpoint the log would hold 16 MiB before SQLite's own. 64 changes take up to 9 MiB where a busy machine
    // commits each by itself, since every commit writes the pages again that all changes share.
    expect(sizeOf('rollcall.db-wal')).to.be.lessThan(12 * 2 ** 20)
    expect(sizeOf('rollcall.db')).to.be.greaterThan(before + 2 ** 19)
    await test.close()
  })
})
