import type { GlobalOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { clientVersion } from '../client-version.ts';

export interface VersionOptions extends GlobalOptions {
  readonly client?: boolean;
  readonly output?: string;
}

/** Client version, and without --client those of the nodes. Loads nothing heavy for the client's own. */
export async function version(terminal: Terminal, options: VersionOptions): Promise<void> {
  const own = { ...clientVersion, node: process.version, platform: `${process.platform}/${process.arch}` };
  if (options.output !== undefined && options.output !== 'json' && options.output !== 'yaml') {
    const { ChainError } = await import('../../../src/errors/chain-error.ts');
    throw new ChainError('CLI_USAGE', { problem: `-o ${options.output}: must be json or yaml` });
  }
  const nodes = options.client === true ? undefined : await nodeVersions(terminal, options);
  const document = { clientVersion: own, ...(nodes === undefined ? {} : { nodes }) };
  if (options.output === 'json') return terminal.stdout(`${JSON.stringify(document, null, 2)}\n`);
  if (options.output === 'yaml') return terminal.stdout((await import('yaml')).stringify(document));
  terminal.stdout(`Client Version: ${own.version}\n`);
  for (const { endpoint, org, version: theirs } of nodes ?? [])
    terminal.stdout(`Node Version: ${theirs === '' ? 'unreachable' : theirs} (${org === '' ? endpoint : org})\n`);
}

async function nodeVersions(
  terminal: Terminal,
  options: GlobalOptions,
): Promise<readonly { readonly endpoint: string; readonly org: string; readonly version: string }[]> {
  const { withSession } = await import('../session.ts');
  return withSession(terminal, options, async ({ reader }) => {
    const text = (value: unknown): string => (typeof value === 'string' ? value : '');
    return (await reader.statuses()).map(({ endpoint, status }) => ({
      endpoint,
      org: text(status?.['org']),
      version: text(status?.['version']),
    }));
  });
}
