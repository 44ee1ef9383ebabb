import { changeTitle } from '../../../src/codec/change-title.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { tombstoneKey } from '../../../src/ledger/execute/keys.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { SigningOptions } from '../options.ts';
import { printable } from '../output/printable.ts';
import type { Terminal } from '../terminal.ts';
import { oneRecord } from './audit.ts';
import { proposeConfig } from './propose-config.ts';

/**
 * That every node deletes the contents of these changes for good, for instance personal data. Digests, attributes and proofs stay: what happened can still be
 * proven, what it contained cannot be read any more. Throws CLI_USAGE for a record that has no contents.
 */
export function proposeErasure(terminal: Terminal, words: readonly string[], options: SigningOptions): Promise<void> {
  return proposeConfig(terminal, options, async (session) => {
    const titles = new Map<Hash, string>();
    for (const index of words.map(recordIndex)) {
      const { payload } = (await oneRecord(session, index)).transaction;
      if (payload.kind !== 'mutation')
        throw new ChainError('CLI_USAGE', { problem: `record ${index} is no change that has contents` });
      const { attributes, bodyHash } = payload.attestation;
      titles.set(bodyHash, `record ${index}: ${changeTitle(attributes)}`);
    }
    const { values } = await session.reader.state([...titles.keys()].map(tombstoneKey));
    const bodies = [...titles.keys()].filter((body) => values.get(tombstoneKey(body)) === undefined);
    for (const body of bodies) terminal.stderr(`${printable(titles.get(body) ?? '')}\n`);
    return bodies.map((body) => ({ type: 'tombstone', body, replaces: null }));
  });
}

function recordIndex(word: string): number {
  const index = /^(?:records?\/)?(0|[1-9]\d{0,14})$/.exec(word)?.[1];
  if (index === undefined)
    throw new ChainError('CLI_USAGE', { problem: `"${word}" is no record: write record/7 or 7` });
  return Number(index);
}
