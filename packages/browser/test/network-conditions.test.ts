/** When a page serves nobody unasked. Node has neither network nor battery to tell of: these are a test's own. */

import { afterEach, describe, expect, test, vi } from 'vitest';
import type { NetworkType } from '@casto/core';
import { turn } from '@casto/host/conformance/virtual-clock';
import { followConditions } from '../src/network-conditions.ts';

class FakeConnection extends EventTarget {
  type = 'wifi';
  saveData = false;

  change(to: { type?: string; saveData?: boolean }): void {
    Object.assign(this, to);
    this.dispatchEvent(new Event('change'));
  }
}

class FakeBattery extends EventTarget {
  charging = false;
  level = 1;

  change(to: { charging?: boolean; level?: number }): void {
    Object.assign(this, to);
    if (to.level !== undefined) this.dispatchEvent(new Event('levelchange'));
    if (to.charging !== undefined) this.dispatchEvent(new Event('chargingchange'));
  }
}

class FakeDocument extends EventTarget {
  visibilityState: 'visible' | 'hidden' = 'visible';

  show(visibilityState: 'visible' | 'hidden'): void {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

interface Surroundings {
  readonly connection?: FakeConnection;
  readonly battery?: FakeBattery | 'not told';
  readonly slowsWhenHidden?: boolean;
}

/** A page that follows its conditions, and all that it was told so far. */
async function follow({ connection, battery, slowsWhenHidden = false }: Surroundings): Promise<{
  told: NetworkType[];
  page: FakeDocument;
  stop: () => void;
}> {
  const page = new FakeDocument();
  const getBattery = (): Promise<unknown> =>
    battery === 'not told' ? Promise.reject(new Error('in a frame')) : Promise.resolve(battery);
  vi.stubGlobal('document', page);
  vi.stubGlobal('navigator', {
    ...(connection === undefined ? {} : { connection }),
    ...(battery === undefined ? {} : { getBattery }),
  });
  const told: NetworkType[] = [];
  const closed = new AbortController();
  followConditions((network) => void told.push(network), { slowsWhenHidden, signal: closed.signal });
  await turn();
  return { told, page, stop: () => closed.abort() };
}

afterEach(() => void vi.unstubAllGlobals());

describe('a page serves others', () => {
  test('in a browser that says nothing', async () => {
    expect((await follow({})).told).toEqual(['unmetered']);
  });

  test('in one that may not tell of its battery', async () => {
    expect((await follow({ battery: 'not told' })).told).toEqual(['unmetered']);
  });

  test('at home, and plugged in', async () => {
    const { told } = await follow({ connection: new FakeConnection(), battery: new FakeBattery() });
    expect(told).toEqual(['unmetered']);
  });
});

describe('a page serves nobody', () => {
  test('over a mobile network, as long as it is on one', async () => {
    const connection = new FakeConnection();
    const { told } = await follow({ connection });
    connection.change({ type: 'cellular' });
    connection.change({ type: 'wifi' });
    expect(told).toEqual(['unmetered', 'mobile', 'unmetered']);
  });

  test('while its owner saves data', async () => {
    const connection = new FakeConnection();
    connection.saveData = true;
    const { told } = await follow({ connection });
    connection.change({ saveData: false });
    expect(told).toEqual(['metered', 'unmetered']);
  });

  test('below 20 % of a battery that is not charged', async () => {
    const battery = new FakeBattery();
    const { told } = await follow({ battery });
    battery.change({ level: 0.2 });
    expect(told).toEqual(['unmetered']);
    battery.change({ level: 0.19 });
    expect(told).toEqual(['unmetered', 'metered']);
    battery.change({ charging: true });
    expect(told).toEqual(['unmetered', 'metered', 'unmetered']);
    battery.change({ charging: false });
    expect(told.at(-1)).toBe('metered');
  });

  test('from a tab that is hidden, where that slows it down', async () => {
    const { told, page } = await follow({ slowsWhenHidden: true });
    page.show('hidden');
    page.show('visible');
    expect(told).toEqual(['unmetered', 'metered', 'unmetered']);
    const steady = await follow({});
    steady.page.show('hidden');
    expect(steady.told).toEqual(['unmetered']);
  });
});

test('nothing is told twice, nor once the page has left', async () => {
  const connection = new FakeConnection();
  const battery = new FakeBattery();
  const { told, stop } = await follow({ connection, battery });
  connection.change({});
  battery.change({ level: 0.9 });
  stop();
  connection.change({ type: 'cellular' });
  battery.change({ level: 0.1 });
  expect(told).toEqual(['unmetered']);
});
