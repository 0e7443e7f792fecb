/** The fake keeps what it promises in place of the real ends. */

import { describe, expect, test } from 'vitest';
import { parseSessionDescription } from '../src/index.ts';
import { describeLinkEnds, type LinkEndWorld } from '../src/conformance/link-end-suite.ts';
import { MemoryLinks, type MemoryPathOptions } from '../src/conformance/memory-links.ts';
import { turn, VirtualClock } from '../src/conformance/virtual-clock.ts';

const WANTED = { audio: true, video: 'vp8' as const };

function memoryWorld(path: Omit<MemoryPathOptions, 'clock'>): LinkEndWorld {
  const clock = new VirtualClock();
  const links = new MemoryLinks({ clock, ...path });
  return {
    child: () => links.child(WANTED),
    parent: (offer) => links.parent(offer),
    until: async (isDone, what) => {
      for (let waitedMs = 0; !isDone(); waitedMs++) {
        if (waitedMs > 15_000) throw new Error(`waited for ${what}`);
        clock.advance(1);
        if (waitedMs % 50 === 0) await turn();
      }
    },
    close: () => {},
  };
}

describeLinkEnds('memory', () => memoryWorld({}));
describeLinkEnds('memory, all candidates trickled', () => memoryWorld({ candidates: 'trickled' }));
describeLinkEnds('memory, every third packet lost', () => {
  let packets = 0;
  return memoryWorld({ latencyMs: 40, loss: 0.5, random: () => (packets++ % 3 === 0 ? 0 : 0.9) });
});

describe('the fake itself', () => {
  test('leaves neither ends nor timers', async () => {
    const clock = new VirtualClock();
    const links = new MemoryLinks({ clock });
    const child = links.child(WANTED);
    const parent = links.parent(parseSessionDescription('offer', await child.offer()));
    await child.accept(await parent.answer());
    clock.advance(100);
    expect(child.control.isOpen).toBe(true);

    child.close();
    clock.advance(10);

    expect(parent.state).toBe('closed');
    expect(links.open).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('gives up an end that nobody answers', async () => {
    const clock = new VirtualClock();
    const child = new MemoryLinks({ clock }).child(WANTED);
    await child.offer();

    clock.advance(10_000);

    expect(child.state).toBe('closed');
  });

  test('counts media as sent even when the path loses it', async () => {
    const clock = new VirtualClock();
    const links = new MemoryLinks({ clock });
    const child = links.child(WANTED);
    const parent = links.parent(parseSessionDescription('offer', await child.offer()));
    await child.accept(await parent.answer());
    clock.advance(100);

    parent.sendMedia();
    clock.advance(10);
    const heardAt = child.lastHeardAt();
    parent.isCut = true;
    clock.advance(10);
    parent.sendMedia();
    clock.advance(1_000);

    expect(heardAt).toBe(clock.now() - 1_010);
    expect(child.lastHeardAt()).toBe(heardAt);
    expect(parent.lastSentAt()).toBe(clock.now() - 1_000);
  });
});
