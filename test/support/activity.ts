import { type ActivityBatch, createActivityBatch } from '../../src/provisioning/activity-batch.ts'
import type { TestStore } from './databases.ts'

/** What notes activity for a test's store. It writes when it is flushed: its timer outlasts every test. */
export function activityOf({ store }: Pick<TestStore, 'store'>): ActivityBatch {
  return createActivityBatch({
    save: (days) => store.saveActivity(days),
    onError: () => undefined,
    interval: 2_147_483_647,
  })
}
