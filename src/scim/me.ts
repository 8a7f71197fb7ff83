import type { Router } from 'express'
import { DomainError } from '../domain/errors.ts'

/**
 * /Me (RFC 7644 §3.11) stands for the person behind the credential. A credential here is a connection's, which is
 * nobody, so there is never anything to read or change: 404, as for a person who is not there. Not 501, since the
 * endpoint is understood.
 */
export function meRoutes(router: Router): void {
  router.all('/Me', () => {
    throw new DomainError(
      'not-found',
      'This credential belongs to a connection, not to a person, so /Me is nobody. Name the person: /Users/{id}.',
    )
  })
}
