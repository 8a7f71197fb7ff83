/** A refusal by the protocol itself that no domain code stands for: 405, 414, 415, and 409 for a Bulk reference. */
export class HttpProblem extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly scimType: string | undefined

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}, scimType?: string) {
    super(detail)
    this.name = 'HttpProblem'
    this.status = status
    this.headers = headers
    this.scimType = scimType
  }
}
