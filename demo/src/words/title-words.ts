/** @returns What a broadcast is called, on its card as beside its picture; a streamer need not give it a title. */
export function titleWords(title: string): string {
  const text = title.trim();
  return text === '' ? 'Untitled broadcast' : text;
}
