/**
 * How the player looks. Text keeps a contrast of at least 4.5:1 with what may lie below it (WCAG 2.2, 1.4.3), and what
 * is touched is 44 pixels wide and high (2.5.5). Logical properties: the layout turns with the page's direction.
 */
export const PLAYER_STYLE = `
:host {
  display: block;
  position: relative;
  aspect-ratio: var(--casto-aspect-ratio, 16 / 9);
  min-width: 160px;
  overflow: hidden;
  border-radius: var(--casto-radius, 12px);
  font: 400 15px/1.45 var(--casto-font, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif);
  color: var(--ink);
  background: var(--stage);
  -webkit-tap-highlight-color: transparent;
  --accent: var(--casto-accent, #c8321a);
  --accent-ink: var(--casto-accent-foreground, #fff);
  --stage: var(--casto-background, #efede8);
  --ink: var(--casto-foreground, #14161a);
  --soft: color-mix(in srgb, var(--ink) 74%, var(--stage));
  --glass: var(--casto-controls-background, rgb(14 16 20 / 66%));
  --size: var(--casto-button-size, 44px);
}
:host([hidden]) { display: none; }
:host(:fullscreen) { border-radius: 0; aspect-ratio: auto; width: 100%; height: 100%; }
@media (prefers-color-scheme: dark) {
  :host {
    --accent: var(--casto-accent, #ff6a48);
    --accent-ink: var(--casto-accent-foreground, #230a03);
    --stage: var(--casto-background, #15171c);
    --ink: var(--casto-foreground, #f2f2f0);
  }
}
*, ::before, ::after { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }

.player { position: absolute; inset: 0; container-type: size; outline: none; isolation: isolate; }
.player:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
/* Over a picture everything is light on dark, in either scheme. */
.player[data-backdrop='picture'] {
  --ink: #fff;
  --stage: #000;
  --soft: rgb(255 255 255 / 82%);
  color: #fff;
  background: #000;
}
video, img, ::slotted([slot='poster']) {
  position: absolute; inset: 0; width: 100%; height: 100%; object-fit: var(--casto-fit, contain); border: 0;
}
video { transition: opacity .25s; }
.player:is([data-state='ended'], [data-state='failed']) video { opacity: .4; }
.player[data-state='reconnecting'] video { opacity: .5; }
.player:not([data-picture]) video { visibility: hidden; }
.player[data-picture] slot[name='poster'] { display: none; }
.surface { position: absolute; inset: 0; }
/* Words over a poster need a ground of their own. */
.player[data-backdrop='picture'][data-veiled]:not([data-state='reconnecting']) .surface { background: rgb(8 9 12 / 62%); }

.top {
  position: absolute; inset-block-start: 12px; inset-inline: 12px;
  display: flex; justify-content: space-between; align-items: flex-start; gap: 8px; pointer-events: none;
}
.chip {
  display: inline-flex; align-items: center; gap: 8px; min-height: 32px; padding: 0 12px; border-radius: 16px;
  background: var(--glass); color: #fff; font-size: 13px; line-height: 1; font-variant-numeric: tabular-nums; white-space: nowrap;
  -webkit-backdrop-filter: blur(14px) saturate(1.3); backdrop-filter: blur(14px) saturate(1.3);
}
.badge { padding-inline-start: 4px; }
.badge:not(:has(.latency:not(:empty))) { padding-inline-end: 4px; }
.badge-word {
  display: inline-flex; align-items: center; gap: 6px; height: 24px; padding: 0 10px 0 9px; border-radius: 12px;
  font-size: 12px; font-weight: 700; letter-spacing: .05em; text-transform: uppercase; background: rgb(255 255 255 / 18%);
}
.badge-word::before { content: ''; width: 7px; height: 7px; border-radius: 50%; background: currentcolor; }
.badge[data-tone='live'] .badge-word { background: var(--accent); color: var(--accent-ink); }
.badge[data-tone='live'] .badge-word::before { animation: breathe 2s ease-in-out infinite; }
.relaying svg { width: 18px; height: 18px; }

.message {
  position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center; justify-content: center;
  padding: 16px 24px; text-align: center; pointer-events: none;
}
.message-title { font-size: clamp(17px, 12px + 1.6cqi, 26px); font-weight: 650; line-height: 1.25; letter-spacing: -.015em; text-wrap: balance; }
.message-text { max-width: 30em; margin-block-start: 6px; color: var(--soft); text-wrap: balance; }
.message-text:empty, .latency:empty { display: none; }
/* The badge says it. */
.player[data-state='reconnecting'][data-picture] .message-title { display: none; }
.spinner {
  width: 36px; height: 36px; margin-block-end: 16px; border: 3px solid color-mix(in srgb, var(--ink) 20%, transparent);
  border-block-start-color: var(--accent); border-radius: 50%; animation: turn .9s linear infinite; display: none;
}
.player:is([data-state='connecting'], [data-state='waiting'], [data-state='reconnecting']) .spinner { display: block; }

button { font: inherit; color: inherit; border: 0; cursor: pointer; touch-action: manipulation; pointer-events: auto; }
button svg { display: block; width: 24px; height: 24px; }
path { fill: none; stroke: currentcolor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
path.filled { fill: currentcolor; }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
.retry {
  min-height: var(--size); margin-block-start: 18px; padding: 0 22px; border-radius: calc(var(--size) / 2);
  background: var(--accent); color: var(--accent-ink); font-weight: 650;
}
.retry:hover { background: color-mix(in srgb, var(--accent) 88%, var(--ink)); }
.big-play {
  position: absolute; inset: 0; margin: auto; display: grid; place-items: center;
  width: clamp(60px, 16cqmin, 92px); height: clamp(60px, 16cqmin, 92px); padding: 0; border-radius: 50%;
  background: var(--accent); color: var(--accent-ink); box-shadow: 0 6px 32px rgb(0 0 0 / 30%); transition: transform .12s;
}
.big-play:hover { transform: scale(1.05); }
.big-play svg { width: 52%; height: 52%; }
.sound-prompt {
  position: absolute; inset-inline: 0; inset-block-end: clamp(64px, 22cqb, 132px); margin-inline: auto; width: max-content; max-width: calc(100% - 24px);
  display: flex; align-items: center; gap: 10px; min-height: 52px; padding-inline: 18px 24px; border-radius: 26px;
  background: #fff; color: #14161a; font-size: 17px; font-weight: 650; letter-spacing: -.01em; box-shadow: 0 6px 32px rgb(0 0 0 / 40%);
}
.sound-prompt:focus-visible, .big-play:focus-visible { outline: 3px solid #fff; outline-offset: 3px; }

.controls {
  position: absolute; inset-inline: 0; inset-block-end: 0; display: flex; align-items: center; gap: 2px;
  padding: 28px 6px 6px; padding-block-end: max(6px, env(safe-area-inset-bottom));
  background: linear-gradient(to top, rgb(0 0 0 / 78%), rgb(0 0 0 / 52%) 55%, transparent); color: #fff; transition: opacity .2s;
}
.bar-button {
  flex: none; display: grid; place-items: center; width: var(--size); height: var(--size); padding: 0; border-radius: 50%; background: none;
}
.bar-button:hover { background: rgb(255 255 255 / 18%); }
.bar-button:focus-visible, .volume:focus-visible { outline: 3px solid #fff; outline-offset: -3px; }
.volume { width: 88px; height: 24px; flex: none; margin-inline: 2px 8px; accent-color: #fff; cursor: pointer; border-radius: 6px; }
.quality {
  flex: 1 1 0; min-width: 0; padding-inline: 6px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  font-size: 13px; font-variant-numeric: tabular-nums; text-shadow: 0 1px 2px rgb(0 0 0 / 60%); text-align: match-parent;
}
.player[data-idle] { cursor: none; }
/* Whoever goes by keyboard has to see where the focus is. */
.player[data-idle] .controls:not(:has(:focus-visible)) { opacity: 0; pointer-events: none; }
.player[data-idle] .relaying { opacity: 0; }
.relaying { transition: opacity .2s; }
/* Phones have keys for the volume, and iPhones let no page change it. */
@media (hover: none) { .volume { display: none; } }
@container (max-width: 479px) { .volume { display: none; } }
@container (max-width: 399px) {
  .relaying-words { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container (max-width: 299px) { .quality { visibility: hidden; } .latency { display: none; } .badge { padding-inline-end: 4px; } }
/* Small players: words first, then the rest as far as there is room. */
@container (max-height: 179px) {
  .message-text { display: none; }
  .spinner { width: 24px; height: 24px; margin-block-end: 8px; }
  .retry { margin-block-start: 8px; }
}

.sr-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes breathe { 50% { opacity: .3; } }
@keyframes turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
  .spinner { border-style: dotted; }
}
@media (forced-colors: active) {
  .chip, .retry, .big-play, .sound-prompt, .bar-button { border: 1px solid ButtonText; }
}
`;
