/**
 * Looks of the page. Colours are told apart by most of those who see colours differently (after Okabe and Ito), and
 * never carry a meaning alone.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f5f6f8; --card: #ffffff; --ink: #1b212c; --muted: #5a6475; --line: #e2e6ec; --link: #b9c2d0;
  --c1: #2a6fc9; --c2: #c05b00; --c3: #0a7d68; --good: #0a7d4f; --bad: #c32439; --shade: #c3243918;
  --streamer: #c05b00; --relay: #2a6fc9; --serving: #0a8f78; --viewer: #8a95a7; --hungry: #d1263d; --liar: #7d3fc4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1218; --card: #171c25; --ink: #e7ebf2; --muted: #9aa6b9; --line: #293141; --link: #3d485c;
    --c1: #6aa7ff; --c2: #f0a04b; --c3: #3fc7b0; --good: #4fc98f; --bad: #ff6f80; --shade: #ff6f8022;
    --streamer: #f0a04b; --relay: #6aa7ff; --serving: #3fc7b0; --viewer: #76839a; --hungry: #ff6f80; --liar: #b98cff;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.1rem; margin: 0 0 10px; }
p { margin: 0 0 8px; }
section > p.bad { margin-top: 14px; }
ul { padding-left: 20px; margin: 4px 0; }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.muted, .none { color: var(--muted); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin-top: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin: 16px 0 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px; }
.tiles b { display: block; font-size: 1.35rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--muted); font-size: 0.85rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 5px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 600; font-size: 0.85rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; min-width: 9.5em; font-weight: 400; color: var(--ink); }
td:last-child, th:last-child { padding-right: 0; }
tbody tr:last-child > * { border-bottom: 0; }
td.text { white-space: normal; min-width: 5.5em; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 20px; }
.wide { grid-template-columns: repeat(2, minmax(0, 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption b { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 2px 0; padding: 0; list-style: none; color: var(--muted); font-size: 0.85rem; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 5px; vertical-align: -1px; background: var(--muted); }
.swatch.c1 { background: var(--c1); } .swatch.c2 { background: var(--c2); } .swatch.c3 { background: var(--c3); }
.swatch.fault { background: var(--shade); border: 1px solid var(--bad); }
.swatch.streamer { background: var(--streamer); border-radius: 50%; } .swatch.relay { background: var(--relay); border-radius: 0; }
.swatch.serving { background: var(--serving); border-radius: 50%; } .swatch.viewer { background: var(--viewer); border-radius: 50%; transform: scale(0.7); }
.swatch.hungry { background: var(--card); border: 2px solid var(--hungry); border-radius: 50%; }
.swatch.liar { background: var(--liar); clip-path: polygon(50% 0, 100% 100%, 0 100%); border-radius: 0; }
svg { display: block; width: 100%; height: auto; touch-action: pan-y; }
svg text { fill: var(--muted); font-size: 11.5px; font-family: inherit; }
svg .axis-label { font-size: 11px; }
.grid { stroke: var(--line); } .cursor { stroke: var(--ink); stroke-dasharray: 2 2; }
.bar.c1 { fill: var(--c1); opacity: 0.75; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.curve.c1 { stroke: var(--c1); } .curve.c2 { stroke: var(--c2); } .curve.c3 { stroke: var(--c3); }
.dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); } .dot.c3 { fill: var(--c3); }
.marker { stroke: var(--muted); stroke-dasharray: 4 3; } .marker.goal { stroke: var(--good); }
svg .marker-text { font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; } svg .marker-text.goal { fill: var(--good); }
rect.fault { fill: var(--shade); }
.readout { min-height: 1.5em; margin: 2px 0 0; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 2px solid var(--c1); outline-offset: 3px; border-radius: 4px; }
.player { display: flex; align-items: center; gap: 12px; margin: 0 0 8px; }
.player input { flex: 1; min-width: 0; accent-color: var(--c1); height: 32px; }
button { font: inherit; min-width: 84px; min-height: 40px; color: var(--card); background: var(--c1); border: 0; border-radius: 8px; cursor: pointer; }
.picture { position: relative; max-width: 820px; margin: 8px auto 0; }
canvas { display: block; width: 100%; aspect-ratio: 1; touch-action: pan-y; border-radius: 8px; }
#tree-tip { position: absolute; white-space: pre-line; max-width: 240px; padding: 6px 10px; border-radius: 8px; background: var(--ink); color: var(--card); font-size: 0.82rem; line-height: 1.35; pointer-events: none; }
#tree-caption { font-variant-numeric: tabular-nums; }
#tree-details { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 700px) {
  .wide { grid-template-columns: minmax(0, 1fr); }
  main { padding: 16px 10px 40px; } section { padding: 14px 12px; }
  table { font-size: 0.84rem; } th, td { padding: 5px; }
  th:first-child, td:first-child { min-width: 7.5em; } td.text { min-width: 4.5em; }
  #tree-tip { display: none; }
  #tree-details { position: static; width: auto; height: auto; min-height: 3em; clip-path: none; margin: 8px 0 0; font-size: 0.85rem; }
}
`;
