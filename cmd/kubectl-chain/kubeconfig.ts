import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { ChainError } from '../../src/errors/chain-error.ts';
import { readIfThere } from './home.ts';
import type { Terminal } from './terminal.ts';

/** What reading needs of a kubeconfig: which context is meant, and its namespace. Credentials stay with kubectl. */
export interface KubeContext {
  /** Empty if there is none. */
  readonly name: string;
  readonly namespace: string;
}

interface File {
  readonly 'current-context'?: unknown;
  readonly contexts?: unknown;
}

/**
 * kubectl's rules: --kubeconfig alone, or the files of KUBECONFIG, or ~/.kube/config; of what stands twice the first one counts.
 * Files that do not exist are passed over, except the one that was named. Throws CLI_FILE.
 */
export function kubeContext(
  env: Terminal['env'],
  options: { readonly kubeconfig?: string; readonly context?: string },
): KubeContext {
  const { kubeconfig } = options;
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const standard = [join(env['HOME'] ?? homedir(), '.kube', 'config')];
  const files = kubeconfig === undefined ? (listed.length > 0 ? listed : standard) : [kubeconfig];
  const parsed = files.flatMap((file) => {
    const text = readIfThere(file);
    if (text === undefined && kubeconfig !== undefined)
      throw new ChainError('CLI_FILE', { file, reason: 'it does not exist' });
    return text === undefined ? [] : [parseFile(file, text)];
  });
  const current = parsed.map((file) => file['current-context']).find((name) => typeof name === 'string' && name !== '');
  const name = options.context ?? (typeof current === 'string' ? current : '');
  for (const { contexts } of parsed) {
    for (const entry of Array.isArray(contexts)
      ? (contexts as { name?: unknown; context?: { namespace?: unknown } | null }[])
      : []) {
      if (entry?.name !== name) continue;
      const namespace = entry.context?.namespace;
      return { name, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default' };
    }
  }
  return { name, namespace: 'default' };
}

function parseFile(file: string, text: string): File {
  try {
    return ((parse(text) as unknown) ?? {}) as File;
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message.split('\n')[0] ?? '' }, { cause });
  }
}
