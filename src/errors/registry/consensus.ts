import { entry } from '../define.ts';

export const consensusErrors = {
  STATE_DIVERGENCE: entry<{ height: number; blockId: string; detail: string }>(
    503,
    (p) => `block ${p.blockId} of height ${p.height} has a quorum of precommits but is invalid here: ${p.detail}`,
    'This node computes another result than the committee. It signs nothing more. Keep its data folder, run `chain-node fsck`, compare versions with the other organisations, then sync a fresh folder.',
  ),
  CONSENSUS_FORK: entry<{ height: number; decided: string; other: string }>(
    503,
    (p) => `height ${p.height} is decided as ${p.decided}, but a quorum of precommits exists for ${p.other} as well`,
    'More than a third of the validators signed twice. Keep all data folders and stop writing; the two certificates name who signed both.',
  ),
  CONSENSUS_MESSAGE_INVALID: entry<{ kind: string; reason: string }>(
    400,
    (p) => `consensus ${p.kind} refused: ${p.reason}`,
    'The sender is faulty or runs another version; its connection is closed.',
  ),
  CONSENSUS_SIGNATURE_INVALID: entry<{ kind: string; validator: number; height: number; round: number }>(
    400,
    (p) =>
      `the signature of validator ${p.validator} on a ${p.kind} of height ${p.height} round ${p.round} does not verify`,
    'The sender is faulty, has another key registered, or belongs to another chain.',
  ),
  CONSENSUS_CERTIFICATE_INVALID: entry<{ height: number; round: number; reason: string }>(
    400,
    (p) => `certificate of height ${p.height} round ${p.round} refused: ${p.reason}`,
    'A certificate needs valid signatures of more than two thirds of the validators of its height, each once, sorted.',
  ),
  CONSENSUS_CONFIG_INVALID: entry<{ reason: string }>(
    500,
    (p) => `consensus cannot start: ${p.reason}`,
    'Check the validator set and the parameters of this height.',
  ),
} as const;
