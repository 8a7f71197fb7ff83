#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { loadCases, PROFILES, type Profile } from './case.ts'
import { jsonReport, textReport } from './report.ts'
import { runCases, type RunOptions } from './runner.ts'

const USAGE = `Runs SCIM 2.0 conformance cases over HTTP against any server.

  conformance --url <SCIM base> --token <bearer token> [options]

  --url       SCIM base URL, e.g. http://127.0.0.1:8080/scim/v2
  --token     bearer token; or SCIM_TOKEN in the environment, which other users of the machine cannot read
  --profile   only cases of one profile: ${PROFILES.join(', ')}
  --grep      only cases whose id, title, source or section holds this text
  --json      the report as JSON on standard output
  --verbose   names the passed cases too
  --keep      leaves what the cases created in place (otherwise each case deletes it at its end)
  --list      names the cases and ends

Ends with 0 when no case failed, 1 when one did, 2 when nothing could be run.`

/**
 * The command line of the suite.
 * @returns the exit code: 0 nothing failed, 1 a case failed, 2 bad usage or no server to test.
 */
async function main(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        token: { type: 'string' },
        profile: { type: 'string' },
        grep: { type: 'string' },
        json: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return say(USAGE)
    const cases = loadCases()
    if (values.list) return say(cases.map(({ id, source, title }) => `${id}  ${title} [${source}]`).join('\n'))
    const token = values.token ?? environment['SCIM_TOKEN']
    if (values.url === undefined || token === undefined) throw new Error(`--url and --token are needed\n\n${USAGE}`)
    const options: RunOptions = {
      url: values.url,
      token,
      keep: values.keep,
      ...(values.profile === undefined ? {} : { profile: readProfile(values.profile) }),
      ...(values.grep === undefined ? {} : { grep: values.grep }),
    }
    const report = await runCases(cases, options)
    if (report.outcomes.length === 0) throw new Error('no case matches --profile and --grep')
    const style = { colour: process.stdout.isTTY === true, verbose: values.verbose }
    say(values.json ? jsonReport(report) : textReport(report, style))
    return report.failed === 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(`conformance: ${messageOf(error)}\n`)
    return 2
  }
}

function readProfile(text: string): Profile {
  const profile = PROFILES.find((name) => name === text)
  if (profile === undefined) throw new Error(`--profile ${text}: wanted one of ${PROFILES.join(', ')}`)
  return profile
}

function say(text: string): 0 {
  process.stdout.write(`${text}\n`)
  return 0
}

/** Node wraps a refused connection to a name with two addresses into an AggregateError without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

process.exitCode = await main(process.argv.slice(2), process.env)
