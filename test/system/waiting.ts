/** Waits until something holds; a rejection counts as "not yet". @throws Error when it does not within `limitMs` */
export async function eventually(holds: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = performance.now() + limitMs
  let last: unknown
  for (;;) {
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`This did not come true: ${holds.toString()}`, { cause: last })
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
}
