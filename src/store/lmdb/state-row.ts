import { ChainError } from '../../errors/chain-error.ts';
import { writeU48 } from './key.ts';
import type { AppState } from '../../types/chain.ts';
import type { Hash } from '../../types/brand.ts';

/** What is kept of each height beside its block: 102 bytes, so that searching over heights touches few pages. */
export interface StateRow {
  readonly blockId: Hash;
  readonly state: AppState;
}

const rowBytes = 32 + 6 + 32 + 32;

export function encodeStateRow(row: StateRow): Uint8Array {
  const bytes = Buffer.alloc(rowBytes);
  const written = [
    bytes.write(row.blockId, 0, 'hex'),
    bytes.write(row.state.logRoot, 38, 'hex'),
    bytes.write(row.state.stateRoot, 70, 'hex'),
  ];
  if (written.some((count) => count !== 32)) {
    throw new ChainError('STORE_KEY', { what: 'a hash of the state', detail: 'not 64 hex digits' });
  }
  writeU48(bytes, row.state.logSize, 32, 'log size');
  return bytes;
}

export function decodeStateRow(height: number, value: Uint8Array): StateRow {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (bytes.length !== rowBytes) {
    throw new ChainError('STORE_DAMAGED', {
      where: `state ${height}`,
      detail: `${bytes.length} bytes, not ${rowBytes}`,
    });
  }
  const hex = (start: number): Hash => bytes.toString('hex', start, start + 32) as Hash;
  return { blockId: hex(0), state: { logSize: bytes.readUIntBE(32, 6), logRoot: hex(38), stateRoot: hex(70) } };
}
