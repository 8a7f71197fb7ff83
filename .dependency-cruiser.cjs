/*
 * Which folder may import which. The direction is
 * main → app → scim | admin | console | cli → provisioning | signin | audit | delivery → domain, and storage → db,
 * domain.
 */

const OURS = '^(src|db|conformance|test)/'

/** Files of `from` may import, of our own files, only those that match `to`. */
const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: OURS, pathNot: to },
})

/** Only files that match `by` may import the given packages; tests may import everything. */
const packages = (name, names, by, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^(src|db|conformance)/', pathNot: by },
  to: { path: `node_modules/(@types/)?(${names})/` },
})

const BELOW_EDGES = '^src/(domain|provisioning|signin|audit|delivery|http)/'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'domain-imports-nothing',
      comment: 'The domain is pure: no other folder, no package, no module of Node.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { pathNot: '^src/domain/' },
    },
    only(
      'use-cases-import-domain',
      '^src/(provisioning|signin|audit)/',
      ['^src/domain/', '^src/$1/'],
      'Provisioning, sign-in and audit stand side by side on the domain; what they share are its ports.',
    ),
    only(
      'delivery-carries-records',
      '^src/delivery/',
      ['^src/(delivery|audit|domain)/'],
      'What carries the log to its receivers stands on the domain and on what the log is written in.',
    ),
    only(
      'storage-implements-ports',
      '^src/storage/',
      ['^src/(storage|domain)/', '^db/'],
      'Storage stands on db and domain.',
    ),
    only('db-stands-alone', '^db/', ['^db/', '^src/domain/'], 'Schema and migrations know at most the domain.'),
    only('http-knows-domain', '^src/http/', '^src/(http|domain)/', 'What every edge shares knows the domain only.'),
    only('auth-knows-domain', '^src/auth/', '^src/(auth|http|domain)/', 'Authentication stands on http and domain.'),
    only(
      'mail-knows-domain',
      '^src/mail/',
      '^src/(mail|domain)/',
      'Mail is words and delivery; use cases only fill the outbox.',
    ),
    only(
      'edges-apart',
      '^src/(scim|admin|console)/',
      [BELOW_EDGES, '^src/$1/'],
      'An edge uses the use cases, never a store, another edge or the wiring: app.ts wires.',
    ),
    only(
      'cli-is-an-edge',
      '^src/cli/',
      [BELOW_EDGES, '^src/cli/', '^src/(config[a-z-]*|log)[.]ts$'],
      'The command line is an edge that also reads the configuration; main.ts hands it the rest.',
    ),
    only(
      'roots-are-leaves',
      '^src/(config[a-z-]*|log)[.]ts$',
      ['^src/(config[a-z-]*|log)[.]ts$', '^src/domain/'],
      'Configuration and log are below everything.',
    ),
    only('conformance-stands-alone', '^conformance/', '^conformance/', 'The suite runs against any server, over HTTP.'),
    {
      name: 'product-without-tests',
      comment: 'What is shipped imports neither tests nor the conformance suite.',
      severity: 'error',
      from: { path: '^(src|db)/' },
      to: { path: '^(test|conformance)/' },
    },
    packages('scimmy-in-scim', 'scimmy|scimmy-routers', '^src/scim/', 'Only scim knows the SCIM library.'),
    packages('sql-in-storage', 'kysely|better-sqlite3|pg', '^(src/storage|db)/', 'Only storage and db know SQL.'),
    packages('jose-in-auth', 'jose|openid-client', '^src/(auth|signin)/', 'Only auth and sign-in verify tokens.'),
    packages('preact-in-console', 'preact|preact-render-to-string', '^src/console/', 'Only the console renders pages.'),
    packages('ldapts-in-signin', 'ldapts', '^src/signin/', 'Only sign-in speaks with directories.'),
    packages('nodemailer-in-mail', 'nodemailer', '^src/mail/', 'Only mail talks to a mail server.'),
    packages(
      'commander-in-cli',
      'commander',
      '^src/(cli/|(main|command-line)[.]ts)',
      'Only the command line parses arguments.',
    ),
    {
      name: 'no-development-package',
      comment: 'What runs in production is in "dependencies".',
      severity: 'error',
      from: { path: '^(src|db|conformance)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one concept, or share a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports and that imports nothing is not part of the program.',
      severity: 'error',
      from: { orphan: true, path: '^(src|db|conformance)/' },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'Every import is found.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|data|coverage)/|^test/fixtures/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
