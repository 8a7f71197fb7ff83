import { InvalidArgumentError } from 'commander'
import { isId } from '../domain/ids.ts'
import { printable } from './output.ts'

const MOST = 200

/**
 * The name of a new org or connection, of 1 to 200 characters.
 * @throws InvalidArgumentError for one that could not be shown, or could be taken for an id
 */
export function parseName(text: string): string {
  const name = text.trim()
  if (name === '' || name.length > MOST) throw new InvalidArgumentError(`Wanted is a name of 1 to ${MOST} characters.`)
  if (printable(name) !== name) throw new InvalidArgumentError('A name has no control characters.')
  if (isId(name)) throw new InvalidArgumentError('A name must not look like an id.')
  return name
}

/** A whole number of a range. @throws InvalidArgumentError that names the range */
export function parseWhole(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (count >= least && count <= most) return count
    throw new InvalidArgumentError(`Wanted is a whole number from ${least} to ${most}.`)
  }
}

/** One more `claim=value` of a repeatable option. @throws InvalidArgumentError for anything else or a second value */
export function addPin(text: string, pins: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('Wanted is claim=value, e.g. appid=1234.')
  const claim = text.slice(0, at)
  if (Object.hasOwn(pins, claim)) throw new InvalidArgumentError(`The claim ${claim} is pinned twice.`)
  return { ...pins, [claim]: text.slice(at + 1) }
}
