import { apiVersion, formatOf } from './output/print.ts';
import { jsonPath } from './output/json-path.ts';
import type { Terminal } from './terminal.ts';

/** What a command that changed something says: `proposal/7 voted`, `proposal/7` with -o name, or an Outcome with -o json. */
export async function answer(
  terminal: Terminal,
  options: { readonly output?: string },
  name: string,
  outcome: string,
  fields: object = {},
): Promise<void> {
  const format = formatOf(options.output);
  const document = { apiVersion, kind: 'Outcome', name, outcome, ...fields };
  switch (format.kind) {
    case 'name':
      return terminal.stdout(`${name}\n`);
    case 'json':
      return terminal.stdout(`${JSON.stringify(document, null, 2)}\n`);
    case 'yaml':
      return terminal.stdout((await import('yaml')).stringify(document));
    case 'jsonpath':
      return terminal.stdout(jsonPath(format.template)(document));
    default:
      return terminal.stdout(`${name} ${outcome}\n`);
  }
}
