import { createHash } from 'node:crypto'

/** The one style sheet. Colours keep a contrast of 4.5 to 1 and more (WCAG 2.2 §1.4.3), in the light and in the dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1c2128, #e6e9ee);
  --soft: light-dark(#525b66, #aab3bf);
  --ground: light-dark(#f5f6f8, #14171b);
  --card: light-dark(#ffffff, #1d2127);
  --line: light-dark(#8b95a1, #6b7683);
  --act: light-dark(#1f4fd8, #8fb0ff);
  --on-act: light-dark(#ffffff, #0b1220);
  --bad: light-dark(#a3122a, #ff9aa8);
  --good: light-dark(#17663a, #86d9a5);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between;
  padding: .75rem 1rem; background: var(--card); border-bottom: 1px solid var(--line); }
header nav { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; }
.brand { color: inherit; font-weight: 700; text-decoration: none; }
.person { color: var(--soft); overflow-wrap: anywhere; }
main { max-width: 40rem; margin: 2rem auto; padding: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.125rem; }
a { color: var(--act); }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; padding: .5rem 1rem; background: var(--card); }
.skip:focus { left: 0; z-index: 1; }
.field { display: flex; flex-direction: column; gap: .25rem; margin: 0 0 1rem; }
label { font-weight: 600; }
.choice { margin: 0 0 1rem; }
.choice input { width: auto; min-height: auto; margin-right: .5rem; }
.choice .hint { display: block; }
input, select { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid var(--line);
  border-radius: .375rem; background: var(--card); color: inherit; font: inherit; }
button, .button { display: inline-block; min-height: 2.75rem; padding: .5rem 1rem; border: 1px solid var(--act);
  border-radius: .375rem; background: var(--act); color: var(--on-act); font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; cursor: pointer; }
button.plain { min-height: auto; padding: 0; border: 0; background: none; color: var(--act); font-weight: 400;
  text-decoration: underline; }
button.danger { border-color: var(--bad); background: none; color: var(--bad); }
.pages { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0 0 1rem; padding: 0; list-style: none; }
[aria-current] { color: inherit; font-weight: 600; }
main.broad { max-width: 64rem; }
.copy { display: block; padding: .5rem; border: 1px solid var(--line); border-radius: .25rem; user-select: all; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
summary { min-height: 2.75rem; padding: .5rem 0; cursor: pointer; }
td form + form { margin-top: .5rem; }
.wide { width: 100%; }
.hint, .small { color: var(--soft); font-size: .875rem; }
.problem { color: var(--bad); }
.notice { margin: 0 0 1rem; padding: .75rem 1rem; border: 1px solid; border-left-width: .375rem; border-radius: .25rem; }
.notice.problem { color: var(--bad); }
.notice.done { color: var(--good); }
.way + .way { margin-top: 1.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
code { font-family: ui-monospace, monospace; }
@media (max-width: 45rem) { main { margin: 0; border-width: 0 0 1px; border-radius: 0; } }
@media (prefers-reduced-motion: no-preference) { a, button { transition: opacity .15s; } }
`

/** Where it is served: another address with every other text, so that browsers may keep it for good. */
export const STYLE_PATH = `/assets/${createHash('sha256').update(STYLE).digest('hex').slice(0, 16)}.css`
