/** The page's only style sheet: allowed by its digest, so nothing else can style the page. Charts take their colours from it too. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b2128; --muted: #56616d; --rule: #dde3e9; --soft: #f5f7f9; --track: #e4e9ee;
  --ok: #12735a; --bad: #b3261e; --warn: #7a5200; --late: #c77700; --accent: #0a58a6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1317; --ink: #e7ecf1; --muted: #9aa6b2; --rule: #2a323a; --soft: #171d23; --track: #2a323a;
    --ok: #4fc3a1; --bad: #ff8d80; --warn: #e6b450; --late: #f0a030; --accent: #7cb8ff;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 76rem; padding: 0 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 400 0.9375rem/1.5 Inter, -apple-system, "Segoe UI", Roboto, "Liberation Sans", system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, h3 { line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; }
h1 { font-size: 2.25rem; margin: 0.1rem 0 0.4rem; }
h2 { font-size: 1.25rem; margin: 3rem 0 0.35rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.35rem; }
p { margin: 0 0 0.75rem; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.18em; }
a:hover { color: var(--accent); text-decoration-color: currentColor; }
code { font: 0.875em/1.4 ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
small { display: block; color: var(--muted); font-size: 0.8125rem; line-height: 1.4; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
[hidden] { display: none !important; }
.muted, .note { color: var(--muted); }
.note { max-width: 52rem; }
.bad { color: var(--bad); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--paper); padding: 0.5rem; z-index: 2; }

.verdict { padding: 2.25rem 0 0.5rem; border-top: 6px solid var(--muted); }
.verdict.ok { border-color: var(--ok); }
.verdict.bad { border-color: var(--bad); color: inherit; }
.eyebrow { margin: 0; color: var(--muted); font-weight: 600; }
.summary { font-size: 1.125rem; margin: 0 0 0.35rem; }
.looked { list-style: none; margin: 0 0 1.5rem; padding: 0; color: var(--muted); }
.looked b { color: var(--ink); font-weight: 600; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); margin: 0; border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); }
.figures div { padding: 0.85rem 1rem 0.85rem 0; }
.figures dt { color: var(--muted); font-size: 0.8125rem; }
.figures dd { margin: 0; }
.figures strong { display: block; font-size: 1.5rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.01em; }
.figures span { color: var(--muted); font-size: 0.8125rem; display: block; line-height: 1.35; }

.bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 0.4rem 1.25rem; align-items: center; padding: 0.6rem 0; background: var(--paper); border-bottom: 1px solid var(--rule); }
.bar ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.1rem; list-style: none; margin: 0 auto 0 0; padding: 0; }
.bar nav { margin-right: auto; }
.tools { display: flex; flex-wrap: wrap; gap: 0.4rem 0.75rem; align-items: center; font-size: 0.875rem; }
.tools input[type="search"], .tools select, .tools button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--muted); border-radius: 6px; padding: 0.25rem 0.6rem; min-height: 2rem; }
.tools input[type="search"] { width: 13rem; }
.tools button { cursor: pointer; }
.tools button:hover { background: var(--soft); }
.tools output { color: var(--muted); }

.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.55rem 1rem 0.55rem 0; border-bottom: 1px solid var(--rule); font-weight: 400; min-width: 7rem; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-size: 0.8125rem; font-weight: 600; vertical-align: bottom; border-bottom-color: var(--muted); white-space: nowrap; }
tbody th { overflow-wrap: anywhere; min-width: 11rem; font-weight: 550; }
tbody th small { font-weight: 400; }
.number { text-align: right; min-width: 5.5rem; }
time { white-space: nowrap; }
.year { width: 38%; min-width: 14rem; }
.drift td { min-width: 13rem; }
.remedy { color: var(--muted); overflow-wrap: anywhere; }

.mark::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.45em; background: currentColor; forced-color-adjust: none; }
.mark.ok::before { color: var(--ok); clip-path: polygon(0 55%, 13% 41%, 37% 63%, 86% 8%, 100% 21%, 38% 92%); }
.mark.bad::before { color: var(--bad); clip-path: polygon(15% 2%, 50% 37%, 85% 2%, 98% 15%, 63% 50%, 98% 85%, 85% 98%, 50% 63%, 15% 98%, 2% 85%, 37% 50%, 2% 15%); }
.mark.warn::before { color: var(--warn); clip-path: polygon(50% 4%, 100% 94%, 0 94%); }
.mark.none::before { clip-path: polygon(0 42%, 100% 42%, 100% 58%, 0 58%); }
.mark.none { color: var(--muted); }
h1 .mark.ok { color: var(--ok); }
h1 .mark.bad, .drift .mark.bad { color: var(--bad); }

svg text { fill: var(--muted); font-size: 11px; font-family: inherit; }
.day-ok { fill: var(--ok); }
.day-bad { fill: var(--bad); }
.day-late { fill: var(--late); }
.axis { stroke: var(--rule); fill: none; vector-effect: non-scaling-stroke; }
.strip { display: block; width: 100%; height: 20px; background: linear-gradient(var(--rule), var(--rule)) 0 13px / 100% 1px no-repeat; }
.strip-axis { display: block; width: 100%; height: 13px; overflow: visible; }
.age { display: block; width: 120px; height: 12px; margin: 2px 0; background: linear-gradient(var(--track), var(--track)) 0 4px / 100% 4px no-repeat; }
.limit { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.legend { display: flex; flex-wrap: wrap; gap: 0 0.45rem; align-items: center; }
.legend svg { width: 9px; height: 15px; margin-left: 0.5rem; }
.legend svg:first-child { margin-left: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15.5rem, 1fr)); gap: 0.75rem 2.5rem; margin: 1rem 0; }
.chart { width: 100%; max-width: 26rem; height: auto; display: block; overflow: visible; }
.chart .chart-title { fill: var(--ink); font-weight: 600; }
.end { text-anchor: end; }
.mid { text-anchor: middle; }
.line { fill: none; stroke: var(--ok); stroke-width: 1.75; stroke-linejoin: round; }
.dots { fill: none; stroke: var(--ok); stroke-width: 6; stroke-linecap: round; }
.dots.faint { stroke: var(--muted); }

details > summary { cursor: pointer; padding: 0.45rem 0; }
.fold { border-bottom: 1px solid var(--rule); }
.fold[open] { padding-bottom: 0.75rem; }
.many .fold { content-visibility: auto; contain-intrinsic-size: auto 2.5rem; }
.fold > summary .mark { font-weight: 600; margin-right: 0.5rem; }
.facts { display: grid; grid-template-columns: 6rem 1fr; gap: 0.2rem 1rem; margin: 0.25rem 0 0.5rem; }
.facts dt { color: var(--muted); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.troubles { margin: 0.5rem 0 0.15rem; font-weight: 600; font-size: 0.8125rem; }
.fold ul { margin: 0 0 0.5rem; padding-left: 1.1rem; font-size: 0.8125rem; }
td ul { margin: 0.25rem 0; padding-left: 1.1rem; }
footer { margin-top: 3rem; color: var(--muted); font-size: 0.8125rem; }

@media (max-width: 44rem) {
  body { padding: 0 1rem 3rem; }
  h1 { font-size: 1.75rem; }
  .bar { position: static; }
  .tools, .tools input[type="search"], .tools select { width: 100%; }
  .tools label, .tools button { flex: 1 1 40%; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures strong { font-size: 1.25rem; }
  .scroll { overflow: visible; }
  table, tbody, tr, th, td { display: block; }
  thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  tbody tr { padding: 0.6rem 0; border-bottom: 1px solid var(--rule); }
  tbody th, tbody td, .year { padding: 0.1rem 0; border: 0; width: auto; min-width: 0; text-align: left; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--muted); font-size: 0.8125rem; }
  td:empty { display: none; }
  .facts { grid-template-columns: 4.5rem 1fr; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --muted: #444; --rule: #bbb; --ok: #12735a; --bad: #b3261e; --warn: #7a5200; --late: #c77700; --track: #ddd; }
  @page { margin: 14mm; }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .bar, .skip { display: none; }
  .scroll { overflow: visible; }
  tr, .charts { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  thead { display: table-header-group; }
  .many .fold { content-visibility: visible; }
  a { text-decoration: none; }
}
`;
