/** Elements of the page: found, made, and changed only where they differ, so that the browser has little to do. */

/** Finds an element of index.html, and makes sure that it is what the code takes it for. */
export function element<E extends Element>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} with the id ${id}`);
  return found;
}

/** Makes an element. Text is text, never markup: titles come from strangers. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element, name: string, value: string | null): void {
  if (target.getAttribute(name) === value) return;
  if (value === null) target.removeAttribute(name);
  else target.setAttribute(name, value);
}

/** As many children as there are items: what is there is kept, the rest is made or removed. */
export function fitChildren(parent: Element, amount: number, create: () => Element): Element[] {
  while (parent.childElementCount > amount) parent.lastElementChild?.remove();
  while (parent.childElementCount < amount) parent.append(create());
  return Array.from(parent.children);
}

/** A list with one line of text each. */
export function showLines(list: Element, lines: readonly string[]): void {
  const items = fitChildren(list, lines.length, () => make('li'));
  items.forEach((item, index) => setText(item, lines[index] ?? ''));
}

/** Heads of a table's columns. */
export function showHeads(row: HTMLElement, names: readonly string[]): void {
  row.replaceChildren(...names.map((name) => make('th', { scope: 'col' }, name)));
}

/** Rows of text, the first cell of each the row's name. */
export function showRows(body: Element, rows: readonly (readonly string[])[]): void {
  const lines = fitChildren(body, rows.length, () => make('tr'));
  lines.forEach((line, index) => showCells(line, rows[index] ?? []));
}

export function showCells(line: Element, texts: readonly string[]): void {
  let index = 0;
  const create = (): HTMLElement =>
    index++ === 0 && line.childElementCount === 0 ? make('th', { scope: 'row' }) : make('td');
  const cells = fitChildren(line, texts.length, create);
  cells.forEach((cell, at) => setText(cell, texts[at] ?? ''));
}
