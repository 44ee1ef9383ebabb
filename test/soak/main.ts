/**
 * `npm run soak [-- NAME...]`: what takes too long for `npm test`, at full length. Each part is a file `soak-NAME.ts` in this folder whose
 * `soak()` resolves with its figures or throws. One JSON line a part on stdout, `{soak, ok, ms, figures?, error?}`; exit 1 if one failed.
 */
import { readdirSync } from 'node:fs';
import { isSoakPart } from './part.ts';

const known = readdirSync(import.meta.dirname)
  .flatMap((file) => /^soak-(.+)\.ts$/.exec(file)?.[1] ?? [])
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !known.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`unknown part ${unknown}; known: ${known.join(', ')}\n`);
  process.exit(1);
}
for (const name of asked.length === 0 ? known : asked) {
  const startedMs = performance.now();
  const line = (rest: object): void =>
    console.log(JSON.stringify({ soak: name, ...rest, ms: Math.round(performance.now() - startedMs) }));
  try {
    const part: unknown = await import(`./soak-${name}.ts`);
    if (!isSoakPart(part)) throw new Error(`soak-${name}.ts exports no function soak`);
    line({ ok: true, figures: await part.soak() });
  } catch (error) {
    process.exitCode = 1;
    line({ ok: false, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
