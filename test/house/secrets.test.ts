import { expect } from 'chai'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { packageRoot } from '../../src/config.ts'

const SECRET = /(secret|hash|digest|password|signature|hmac|bearer|credential|presented|tokenText)$/i
const EQUALITY = new Set([
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
])

/** Comparisons by `===` and its like in which one side is named like a secret and the other is no constant. */
function plainComparisons(source: string): string[] {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.ES2023, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isBinaryExpression(node) && EQUALITY.has(node.operatorToken.kind)) {
      const sides = [node.left, node.right]
      if (sides.some((side) => SECRET.test(side.getText())) && !sides.some(isConstant)) found.push(node.getText())
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function isConstant(node: ts.Expression): boolean {
  const words: ts.SyntaxKind[] = [ts.SyntaxKind.NullKeyword, ts.SyntaxKind.TrueKeyword, ts.SyntaxKind.FalseKeyword]
  return ts.isLiteralExpression(node) || words.includes(node.kind) || node.getText() === 'undefined'
}

describe('secrets', () => {
  it('are found by this test when they are compared plainly', () => {
    expect(plainComparisons('if (stored.secretHash === hash(presented)) allow()')).to.have.lengthOf(1)
    expect(plainComparisons('const same = given != password')).to.have.lengthOf(1)
    expect(
      plainComparisons("if (secret === undefined || kind === 'bearer' || secret.length === n) refuse()"),
    ).to.deep.equal([])
  })

  it('are never compared with === in src/auth, src/signin or src/http: timing would tell how much of a guess is right', () => {
    const folders = ['auth', 'signin', 'http']
      .map((name) => join(packageRoot(), 'src', name))
      .filter((folder) => existsSync(folder))
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    )
    expect(files).not.to.deep.equal([])
    const found = files.flatMap((file) =>
      plainComparisons(readFileSync(file, 'utf8')).map((text) => `${file}: ${text}`),
    )
    expect(found).to.deep.equal([])
  })
})
