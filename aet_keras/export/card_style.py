"""Holds how the page of a version looks: light, dark, narrow, printed."""

STYLE = """
:root { --paper: #fff; --ink: #1c2024; --quiet: #5d6670; --line: #dfe3e8;
  --panel: #f5f7f9; --accent: 37, 99, 195; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c;
  --ink: #e7eaee; --quiet: #9aa4af; --line: #30363d; --panel: #1e2329;
  --accent: 110, 165, 255; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0;
  overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }
p { margin: .5rem 0; overflow-wrap: anywhere; }
.task { color: var(--quiet); margin: .2rem 0 1.2rem; }
.figures { display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
.figures div { background: var(--panel); border-radius: .5rem;
  padding: .7rem .8rem; display: flex; flex-direction: column; }
.figures b { font-size: 1.6rem; font-variant-numeric: tabular-nums; }
small { color: var(--quiet); font-size: .8rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0;
  border-bottom: 1px solid var(--line); }
tr > th { font-weight: 500; }
thead th { color: var(--quiet); font-weight: 400; }
td { min-width: 4rem; overflow-wrap: anywhere; }
table:not(.matrix) td:last-child:not(.n) { min-width: 9rem; }
td.long { min-width: 16rem; }
.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix th, .matrix td { padding: .3rem .5rem; }
.matrix td { min-width: 2.4rem; text-align: center; white-space: nowrap;
  overflow-wrap: normal;
  background: rgba(var(--accent), calc(var(--share) * .75)); }
.matrix thead th { text-align: center; }
.matrix .right { font-weight: 600; }
.matrix tr > th { white-space: nowrap; }
code, pre { font: .85rem/1.5 ui-monospace, monospace; }
code { background: var(--panel); border-radius: .2rem; padding: 0 .2rem; }
pre { background: var(--panel); border-radius: .5rem; padding: .7rem .9rem;
  margin: 0; width: max-content; min-width: 100%; }
figure { margin: .6rem 0; }
img { max-width: 100%; background: #fff; border-radius: .3rem; }
svg { width: 100%; max-width: 20rem; display: block; }
svg text { fill: var(--quiet); font-size: 11px; }
svg path { fill: none; stroke: var(--line); }
svg .axis { stroke: var(--quiet); }
svg .even { stroke-dasharray: 4 4; }
svg polyline { fill: none; stroke: rgb(var(--accent)); stroke-width: 1.5; }
svg circle { fill: rgb(var(--accent)); }
@media print { :root { --paper: #fff; --ink: #000; --quiet: #444;
  --line: #ccc; --panel: #f2f2f2; --accent: 37, 99, 195; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; }
  .wide { overflow: visible; } section { break-inside: auto; }
  h2 { break-after: avoid; } tr, figure, svg { break-inside: avoid; }
  .matrix td { print-color-adjust: exact;
    -webkit-print-color-adjust: exact; } }
"""
