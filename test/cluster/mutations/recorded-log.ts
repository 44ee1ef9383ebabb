import { changeDigests } from '../../../src/codec/change-digest.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ChangeAttributes, PerBinding } from '../../../src/types/change.ts';
import type { Owner } from '../../../src/types/transaction.ts';
import type { Committee } from '../committee.ts';

/** What the control plane wrote on its own, from the record hook. */
export interface RecordedWrite {
  readonly index: number;
  readonly attributes: ChangeAttributes;
  readonly digest: PerBinding;
  readonly owners: readonly Owner[];
}

/** All of them, verified, oldest first. */
export async function recordedWrites({ reader }: Committee): Promise<readonly RecordedWrite[]> {
  const pages: RecordedWrite[][] = [];
  for (let before: number | null = null; ;) {
    const page = await reader.records({
      kind: 'spooled-record',
      limit: '200',
      ...(before === null ? {} : { before: String(before) }),
    });
    for (const { index, transaction } of page.records) {
      const { payload } = transaction;
      if (payload.kind !== 'spooled-record') throw new Error(`leaf ${index} is no record`);
      pages.push(
        payload.entries.flatMap((entry) => {
          if ('gap' in entry) throw new Error(`leaf ${index}: the spool took nothing for a while`);
          const { attributes, commitment, owners } = entry;
          return [{ index, attributes, owners, digest: changeDigests(nativeBackend.sha256, attributes, commitment) }];
        }),
      );
    }
    if (page.next === null) return pages.reverse().flat();
    before = page.next;
  }
}
