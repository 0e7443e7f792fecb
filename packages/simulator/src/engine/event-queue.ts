/**
 * What is to happen, in the order of time; what is due at the same instant comes in the order in which it was added.
 *
 * Tens of millions of events pass through, so there is no object per event: its parts lie in columns. The milliseconds
 * of the present page (some four seconds) have a list each, later pages one list each, and only the events of the
 * present millisecond are sorted, in a small heap. Adding and taking cost the same however many events wait.
 */

const PAGE_BITS = 12;
const PAGE_MS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_MS - 1;
/** Pages ahead that have a list of their own: 4.6 hours. What is later waits in the last one. */
const PAGES = 4096;
const FIRST_CAPACITY = 1 << 12;
const NONE = -1;

/** @typeParam S - What an event is about. @typeParam M - What it brings. */
export class EventQueue<S extends object, M extends object> {
  /** The event taken last. */
  time = 0;
  kind = 0;
  index = 0;
  serial = 0;
  subject: S | null = null;
  message: M | null = null;

  #size = 0;
  #added = 0;
  #capacity = FIRST_CAPACITY;
  #times = new Float64Array(FIRST_CAPACITY);
  #orders = new Float64Array(FIRST_CAPACITY);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #indices = new Int32Array(FIRST_CAPACITY);
  #serials = new Int32Array(FIRST_CAPACITY);
  #nexts = new Int32Array(FIRST_CAPACITY);
  readonly #subjects: (S | null)[] = [];
  readonly #messages: (M | null)[] = [];
  #free = NONE;
  #used = 0;

  #page = 0;
  #tick = -1;
  readonly #near = new Int32Array(PAGE_MS).fill(NONE);
  readonly #far = new Int32Array(PAGES).fill(NONE);
  #heap = new Int32Array(64);
  #heapSize = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Adds an event. One that is due before the event taken last counts as due at once.
   *
   * @param index - A number that belongs to the event, usually of a peer.
   * @param serial - Another, e.g. to tell whether the event is still wanted when it comes.
   */
  add(
    time: number,
    kind: number,
    index: number,
    serial = 0,
    subject: S | null = null,
    message: M | null = null,
  ): void {
    const slot = this.#takeSlot();
    this.#times[slot] = time > this.time ? time : this.time;
    this.#orders[slot] = this.#added++;
    this.#kinds[slot] = kind;
    this.#indices[slot] = index;
    this.#serials[slot] = serial;
    this.#subjects[slot] = subject;
    this.#messages[slot] = message;
    this.#size++;
    this.#place(slot);
  }

  /** Takes the next event into the fields of the queue. @returns Whether there was one. */
  take(): boolean {
    while (this.#heapSize === 0) {
      if (this.#size === 0) return false;
      this.#advance();
    }
    const slot = this.#takeFirst();
    this.time = this.#times[slot] ?? 0;
    this.kind = this.#kinds[slot] ?? 0;
    this.index = this.#indices[slot] ?? 0;
    this.serial = this.#serials[slot] ?? 0;
    this.subject = this.#subjects[slot] ?? null;
    this.message = this.#messages[slot] ?? null;
    this.#subjects[slot] = null;
    this.#messages[slot] = null;
    this.#nexts[slot] = this.#free;
    this.#free = slot;
    this.#size--;
    return true;
  }

  #place(slot: number): void {
    const tick = Math.floor(this.#times[slot] ?? 0);
    if (tick <= this.#tick) {
      this.#insert(slot);
      return;
    }
    const page = Math.floor(tick / PAGE_MS);
    const list = page === this.#page ? this.#near : this.#far;
    const at = page === this.#page ? tick & PAGE_MASK : Math.min(page, this.#page + PAGES - 1) % PAGES;
    this.#nexts[slot] = list[at] ?? NONE;
    list[at] = slot;
  }

  /** Goes on to the next millisecond that has events. */
  #advance(): void {
    const start = this.#tick + 1;
    const end = (this.#page + 1) * PAGE_MS;
    for (let tick = start; tick < end; tick++) {
      const first = this.#near[tick & PAGE_MASK] ?? NONE;
      if (first === NONE) continue;
      this.#tick = tick;
      this.#near[tick & PAGE_MASK] = NONE;
      for (let slot = first; slot !== NONE; slot = this.#nexts[slot] ?? NONE) this.#insert(slot);
      return;
    }
    this.#turnPage();
  }

  #turnPage(): void {
    this.#page++;
    this.#tick = this.#page * PAGE_MS - 1;
    const first = this.#far[this.#page % PAGES] ?? NONE;
    this.#far[this.#page % PAGES] = NONE;
    for (let slot = first; slot !== NONE;) {
      const next = this.#nexts[slot] ?? NONE;
      this.#place(slot);
      slot = next;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const timeA = this.#times[a] ?? 0;
    const timeB = this.#times[b] ?? 0;
    return timeA < timeB || (timeA === timeB && (this.#orders[a] ?? 0) < (this.#orders[b] ?? 0));
  }

  #insert(slot: number): void {
    if (this.#heapSize === this.#heap.length)
      this.#heap = grown(this.#heap, new Int32Array(this.#heapSize * 2));
    let at = this.#heapSize++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = this.#heap[above] ?? 0;
      if (!this.#isBefore(slot, other)) break;
      this.#heap[at] = other;
      at = above;
    }
    this.#heap[at] = slot;
  }

  #takeFirst(): number {
    const first = this.#heap[0] ?? 0;
    const last = this.#heap[--this.#heapSize] ?? 0;
    const size = this.#heapSize;
    let at = 0;
    for (let below = 1; below < size; below = 2 * at + 1) {
      const right = below + 1;
      if (right < size && this.#isBefore(this.#heap[right] ?? 0, this.#heap[below] ?? 0)) below = right;
      const other = this.#heap[below] ?? 0;
      if (!this.#isBefore(other, last)) break;
      this.#heap[at] = other;
      at = below;
    }
    this.#heap[at] = last;
    return first;
  }

  #takeSlot(): number {
    const free = this.#free;
    if (free !== NONE) {
      this.#free = this.#nexts[free] ?? NONE;
      return free;
    }
    if (this.#used === this.#capacity) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#times = grown(this.#times, new Float64Array(this.#capacity));
    this.#orders = grown(this.#orders, new Float64Array(this.#capacity));
    this.#kinds = grown(this.#kinds, new Uint8Array(this.#capacity));
    this.#indices = grown(this.#indices, new Int32Array(this.#capacity));
    this.#serials = grown(this.#serials, new Int32Array(this.#capacity));
    this.#nexts = grown(this.#nexts, new Int32Array(this.#capacity));
  }
}

function grown<T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
