/** Makes a text of a page call the gateway of a test: the one thing that is replaced in it. */
export const hereOf =
  (port: number) =>
  (text: string): string =>
    text.replaceAll('localhost:8080', `localhost:${port}`);
