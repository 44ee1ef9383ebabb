import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { loadGenesis, type LoadedGenesis } from '../../../src/ledger/index.ts';
import { answer } from '../answer.ts';
import {
  genesisFile,
  homeFolder,
  isEndpoint,
  readHomeConfig,
  writeHomeConfig,
  writePrivately,
  type PinnedChain,
} from '../home.ts';
import type { GlobalOptions, ListOptions } from '../options.ts';
import { printList, type View } from '../output/print.ts';
import { caBundleOf } from '../session.ts';
import type { Terminal } from '../terminal.ts';

export interface TrustAddOptions extends GlobalOptions {
  readonly genesis: string;
  readonly kubeContext?: readonly string[];
  readonly output?: string;
}

/** Pins a genesis. The file must come from the organisations themselves: everything that is read later is proven against its hash. */
export async function addTrust(terminal: Terminal, name: string, options: TrustAddOptions): Promise<void> {
  const home = homeFolder(terminal.env);
  const { hash, genesis, bytes } = readGenesis(options.genesis);
  const endpoints = options.endpoint ?? genesis.validators.map(({ apiUrl }) => apiUrl).filter((url) => url !== '');
  const wrong = endpoints.find((endpoint) => !isEndpoint(endpoint));
  if (wrong !== undefined) throw new ChainError('CLI_USAGE', { problem: `endpoint ${wrong}: must be an https URL` });
  if (endpoints.length === 0)
    throw new ChainError('CLI_USAGE', { problem: 'the genesis publishes no API: give --endpoint' });
  const config = readHomeConfig(home);
  const before = config.chains.find((chain) => chain.name === name);
  if (before !== undefined && before.genesisHash !== hash) throw new ChainError('CLI_TRUST_EXISTS', { name });
  const caBundle = options.caBundle === undefined ? (before?.caBundle ?? '') : caBundleOf(resolve(options.caBundle));
  const pinned: PinnedChain = {
    name,
    genesisHash: hash,
    endpoints,
    caBundle,
    ...(before?.caBundles === undefined || options.caBundle !== undefined ? {} : { caBundles: before.caBundles }),
    kubeContexts: options.kubeContext ?? before?.kubeContexts ?? [],
    ...(options.clusterName === undefined ? {} : { cluster: options.clusterName }),
  };
  writePrivately(genesisFile(home, hash), bytes);
  writeHomeConfig(home, { ...config, chains: [...config.chains.filter((chain) => chain.name !== name), pinned] });
  terminal.stderr(`genesis ${hash}\ncompare this hash with the other organisations\n`);
  await answer(terminal, options, `chain/${name}`, 'trusted', { genesisHash: hash });
}

function readGenesis(file: string): LoadedGenesis {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
  return loadGenesis(bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes, nativeBackend);
}

const view: View<PinnedChain> = {
  kind: 'PinnedChain',
  name: ({ name }) => `chain/${name}`,
  columns: [
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'GENESIS', cell: ({ genesisHash }) => genesisHash },
    { header: 'ENDPOINTS', cell: ({ endpoints }) => endpoints.join(',') },
    { header: 'CONTEXTS', cell: ({ kubeContexts }) => kubeContexts.join(',') },
  ],
};

export function listTrust(terminal: Terminal, options: ListOptions): Promise<void> {
  return printList(terminal, options, view, readHomeConfig(homeFolder(terminal.env)).chains);
}

export async function removeTrust(
  terminal: Terminal,
  name: string,
  options: { readonly output?: string },
): Promise<void> {
  const home = homeFolder(terminal.env);
  const config = readHomeConfig(home);
  if (!config.chains.some((chain) => chain.name === name)) throw new ChainError('CLIENT_TRUST_UNKNOWN', { name });
  writeHomeConfig(home, { ...config, chains: config.chains.filter((chain) => chain.name !== name) });
  await answer(terminal, options, `chain/${name}`, 'removed');
}
