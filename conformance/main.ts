#!/usr/bin/env node
import { appendFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadCases, PROFILES, type ConformanceCase, type Profile } from './case.ts'
import { htmlReport } from './html-report.ts'
import { jsonReport, textReport } from './report.ts'
import { runCases, type Report, type RunOptions } from './runner.ts'

const USAGE = `Runs SCIM 2.0 conformance cases over HTTP against any server.

  conformance --url <SCIM base> --token <bearer token> [options]

  --url       SCIM base URL, e.g. http://127.0.0.1:8080/scim/v2
  --token     bearer token; or SCIM_TOKEN in the environment, which other users of the machine cannot read
  --profile   only cases of one profile: ${PROFILES.join(', ')}
  --grep      only cases whose id, title, source or section holds this text
  --json      the report as JSON on standard output
  --html      the report as one HTML page, written to this file
  --answers   every request and its answer as JSON lines, written to this file
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
        html: { type: 'string' },
        answers: { type: 'string' },
        verbose: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return say(USAGE)
    const cases = loadCases()
    if (values.list) return say(cases.map(({ id, source, title }) => `${id}  ${title} [${source}]`).join('\n'))
    const report = await runAndWrite(cases, values, environment['SCIM_TOKEN'])
    const style = { colour: process.stdout.isTTY === true, verbose: values.verbose }
    say(values.json ? jsonReport(report) : textReport(report, style))
    return report.failed === 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(`conformance: ${messageOf(error)}\n`)
    return 2
  }
}

function writeAnswers(path: string): NonNullable<RunOptions['onAnswer']> {
  writeFileSync(path, '')
  return (caseId, { method, path: target, body: sent }, { status, headers, text }) => {
    appendFileSync(path, `${JSON.stringify({ case: caseId, method, path: target, sent, status, headers, text })}\n`)
  }
}

interface Values {
  readonly url?: string
  readonly token?: string
  readonly profile?: string
  readonly grep?: string
  readonly html?: string
  readonly answers?: string
  readonly keep: boolean
}

/** Runs the cases and writes the files that were asked for. */
async function runAndWrite(
  cases: readonly ConformanceCase[],
  { url, token = '', profile, grep, html, answers, keep }: Values,
  defaultToken = '',
): Promise<Report> {
  const given = token === '' ? defaultToken : token
  if (url === undefined || given === '') throw new Error(`--url and --token are needed\n\n${USAGE}`)
  // A file that cannot be written stops the run before it begins.
  if (html !== undefined) writeFileSync(html, '')
  const report = await runCases(cases, {
    ...{ url, token: given, keep },
    ...(profile === undefined ? {} : { profile: readProfile(profile) }),
    ...(grep === undefined ? {} : { grep }),
    ...(answers === undefined ? {} : { onAnswer: writeAnswers(answers) }),
  })
  if (report.outcomes.length === 0) throw new Error('no case matches --profile and --grep')
  if (html !== undefined) writeFileSync(html, htmlReport(report, new Date()))
  return report
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
