import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

const IMPORTED_ENV = {
  name: 'node:process',
  importNames: ['env'],
  message: 'Only src/config.ts reads the environment.',
}

const ENVIRONMENT = {
  'no-restricted-properties': [
    'error',
    { object: 'process', property: 'env', message: 'Only src/config.ts reads the environment.' },
  ],
  'no-restricted-imports': ['error', { paths: [IMPORTED_ENV, { ...IMPORTED_ENV, name: 'process' }] }],
}

const RAW_SQL = {
  selector:
    'CallExpression[callee.object.name="sql"][callee.property.name="raw"]' +
    ':not([arguments.0.type="Literal"], [arguments.0.type="TemplateLiteral"][arguments.0.expressions.length=0])',
  message: 'sql.raw takes a literal only: values are bound, names go through sql.ref or sql.id.',
}

const DEFAULT_EXPORT = { selector: 'ExportDefaultDeclaration', message: 'Exports have names.' }

export default tseslint.config(
  { ignores: ['dist/', 'data/', 'coverage/', 'node_modules/', 'test/fixtures/'] },
  eslint.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 12],
    },
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true, argsIgnorePattern: '^_' }],
      '@typescript-eslint/max-params': ['error', { max: 4, countVoidThis: false }],
      'max-params': 'off',
      'no-restricted-syntax': ['error', RAW_SQL, DEFAULT_EXPORT],
    },
  },
  { files: ['src/**/*.{ts,tsx}', 'db/**/*.ts'], ignores: ['src/config.ts'], rules: ENVIRONMENT },
  {
    files: ['src/**/*.{ts,tsx}', 'db/**/*.ts'],
    ignores: ['src/cli/**', 'src/main.ts'],
    rules: { 'no-console': 'error' },
  },
  {
    // A describe block is a list, not a function; chai's assertions are expressions; a port may be kept by a Map.
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'console',
          'process',
          'fetch',
          'URL',
          'Buffer',
          'module',
          'require',
          'setTimeout',
          'setInterval',
          'clearInterval',
          'AbortSignal',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
)
