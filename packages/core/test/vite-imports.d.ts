/** The two ways in which Vite hands a file's text to a test; the core itself has neither. */
declare module '*?raw' {
  const text: string;
  export default text;
}

interface ImportMeta {
  glob(
    pattern: string,
    options: { query: '?raw'; import: 'default'; eager: true },
  ): Readonly<Record<string, string>>;
}
