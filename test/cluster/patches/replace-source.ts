import { registerHooks } from 'node:module';

/**
 * Changes one line of one source file of the process that loads this module (`node --import`), as a dishonest organisation would change it in
 * its own copy. Ends the process if the line is not there: a patch that patches nothing must not make a test pass.
 */
export function replaceSource(file: string, line: string, replacement: string): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(file)) return loaded;
      const source = Buffer.from(loaded.source as Uint8Array).toString('utf8');
      if (!source.includes(line)) {
        process.stderr.write(`${file} does not hold the line that is to be changed: ${line}\n`);
        process.exit(70);
      }
      return { ...loaded, source: source.replace(line, replacement) };
    },
  });
}
