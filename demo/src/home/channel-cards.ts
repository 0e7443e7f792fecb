/** The live channels as cards. A card stays the same element while its channel lives, so that focus and hover stay. */

import type { CastoChannel } from 'casto';

import { hashOf } from '../route.ts';
import { titleWords } from '../words/title-words.ts';
import { ageWords, viewersWords } from './card-words.ts';

/** A screen that is scrolled for longer shows nobody anything; the most viewed come first. */
const MOST_CARDS = 60;
/** Colours of the cards that have no picture yet, in degrees of the colour circle. */
const HUES = 360;

interface Card {
  item: HTMLLIElement;
  picture: HTMLImageElement;
  title: HTMLElement;
  viewers: HTMLElement;
  age: HTMLElement;
  /** When the shown snapshot was taken; `null`: none is shown. */
  takenAt: number | null;
  startedAt: number;
}

export class ChannelCards {
  readonly #list: HTMLUListElement;
  readonly #cards = new Map<string, Card>();

  constructor(list: HTMLUListElement) {
    this.#list = list;
  }

  /** @returns How many channels have no card, because there are too many. */
  show(channels: readonly CastoChannel[], nowMs: number): number {
    const shown = channels.slice(0, MOST_CARDS);
    const ids = new Set(shown.map(({ channel }) => channel));
    for (const id of this.#cards.keys()) if (!ids.has(id)) this.#remove(id);
    for (const channel of shown) this.#update(channel, nowMs);
    this.#order(shown);
    return channels.length - shown.length;
  }

  /** Time passes for all of them. */
  age(nowMs: number): void {
    for (const { age, startedAt } of this.#cards.values()) setText(age, ageWords(startedAt, nowMs));
  }

  #update(channel: CastoChannel, nowMs: number): void {
    let card = this.#cards.get(channel.channel);
    if (card === undefined) {
      card = createCard(channel.channel);
      this.#cards.set(channel.channel, card);
      this.#list.append(card.item);
    }
    card.startedAt = channel.startedAt;
    setText(card.title, titleWords(channel.title));
    setText(card.viewers, viewersWords(channel.viewers));
    setText(card.age, ageWords(channel.startedAt, nowMs));
    showSnapshot(card, channel.snapshot);
  }

  /** Nothing moves away from under a pointer or a finger. */
  #order(channels: readonly CastoChannel[]): void {
    if (this.#list.matches(':hover, :focus-within')) return;
    channels.forEach(({ channel }, index) => {
      const item = this.#cards.get(channel)?.item;
      const there = this.#list.children[index];
      if (item !== undefined && item !== there) this.#list.insertBefore(item, there ?? null);
    });
  }

  #remove(id: string): void {
    const card = this.#cards.get(id);
    if (card === undefined) return;
    this.#cards.delete(id);
    forgetSnapshot(card);
    card.item.remove();
  }
}

function createCard(channel: string): Card {
  const item = document.createElement('li');
  const link = document.createElement('a');
  link.className = 'channel-card';
  link.href = `#${hashOf({ view: 'watch', channel, panel: null })}`;
  link.dataset['channel'] = channel;
  const frame = part('span', 'channel-picture');
  frame.style.setProperty('--hue', String(hueOf(channel)));
  const picture = document.createElement('img');
  picture.alt = '';
  picture.hidden = true;
  const badge = part('span', 'channel-live');
  badge.textContent = 'Live';
  frame.append(picture, badge);
  const [title, facts] = [part('bdi', 'channel-title'), part('span', 'channel-facts')];
  const [viewers, age] = [part('span', 'channel-viewers'), part('span', 'channel-age')];
  facts.append(viewers, age);
  link.append(frame, title, facts);
  item.append(link);
  return { item, picture, title, viewers, age, takenAt: null, startedAt: 0 };
}

function part(tag: 'span' | 'bdi', className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

function showSnapshot(card: Card, snapshot: CastoChannel['snapshot']): void {
  if (snapshot === null || snapshot.takenAt === card.takenAt) return;
  forgetSnapshot(card);
  card.takenAt = snapshot.takenAt;
  card.picture.src = URL.createObjectURL(snapshot.blob);
  card.picture.hidden = false;
  // The blob comes from the streamer, who may have sent anything.
  card.picture.onerror = () => (card.picture.hidden = true);
}

function forgetSnapshot({ picture }: Card): void {
  if (picture.src !== '') URL.revokeObjectURL(picture.src);
}

function setText(holder: HTMLElement, text: string): void {
  if (holder.textContent !== text) holder.textContent = text;
}

/** The same channel has the same colour on every visit. */
function hueOf(channel: string): number {
  let sum = 0;
  for (const character of channel) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % HUES;
  return sum;
}
