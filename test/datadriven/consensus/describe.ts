import type { Effect } from '../../../src/consensus/index.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { ConsensusMessage, IndexedSignature, WalRecord } from '../../../src/types/consensus.ts';

/** One line for an effect. Heights are named only where they are not the transcript's own. */
export function describeEffect(effect: Effect, height: number): string {
  switch (effect.type) {
    case 'persist':
      return `persist ${effect.seq}: ${effect.records.map((record) => describeRecord(record)).join(', ')}`;
    case 'broadcast':
      return `broadcast ${describeMessage(effect.message, height)} after ${effect.afterSeq}`;
    case 'send':
      return `send to ${effect.to}: ${describeMessage(effect.message, height)} after ${effect.afterSeq}`;
    case 'set-timer':
      return `timer ${effect.kind} r${effect.round} ${effect.durationMs} ms`;
    case 'cancel-timer':
      return `cancel ${effect.kind} r${effect.round}`;
    case 'build-block':
      return `build r${effect.round}${effect.allowEmpty ? ', may be empty' : ''}`;
    case 'validate-block':
      return `validate ${letter(effect.blockId)}`;
    case 'request-block':
      return `request ${letter(effect.blockId)} from ${effect.holders.join(',')}`;
    case 'decide':
      return `decide ${letter(effect.certificate.blockId)} r${effect.certificate.round} by ${voters(effect.certificate.signatures)} after ${effect.afterSeq}`;
    case 'evidence': {
      const { first, second } = effect.equivocation;
      return `evidence against ${first.validator}: ${describeMessage(first, height)} / ${describeMessage(second, height)}`;
    }
    case 'request-sync':
      return `sync to ${effect.height} from ${effect.from ?? 'anyone'}`;
    case 'halt':
      return `halt ${effect.reason.code} at ${effect.reason.height}`;
    default:
      return effect satisfies never;
  }
}

function describeMessage(message: ConsensusMessage, height: number): string {
  const at = message.kind === 'commit' ? message.certificate.height : message.height;
  const prefix = at === height ? '' : `h${at} `;
  switch (message.kind) {
    case 'proposal':
      return `${prefix}proposal r${message.round} ${letter(message.blockId)}${message.polRound < 0 ? '' : ` pol ${message.polRound}`}`;
    case 'vote':
      return `${prefix}${message.type} r${message.round} ${letter(message.blockId)}`;
    case 'votes': {
      const votes = message.votes.map(
        (vote) => `${vote.validator}:${vote.type} r${vote.round} ${letter(vote.blockId)}`,
      );
      const polka = message.polka === null ? [] : [`polka r${message.polka.round} ${letter(message.polka.blockId)}`];
      return `${prefix}votes [${[...votes, ...polka].join(', ')}]`;
    }
    case 'commit':
      return `${prefix}commit ${letter(message.certificate.blockId)} r${message.certificate.round}`;
    case 'round-state': {
      const maps = message.rounds.map(
        (each) => `r${each.round} ${each.prevotes.toString(2)}/${each.precommits.toString(2)}`,
      );
      return `${prefix}round-state r${message.round}${message.active ? '' : ' idle'}${message.hasProposal ? ' with proposal' : ''} [${maps.join(', ')}]`;
    }
    default:
      return message satisfies never;
  }
}

function describeRecord(record: WalRecord): string {
  switch (record.kind) {
    case 'round-entry':
      return `round-entry r${record.round}`;
    case 'proposal':
      return `proposal r${record.proposal.round} ${letter(record.proposal.blockId)}`;
    case 'vote':
      return `${record.vote.type} r${record.vote.round} ${letter(record.vote.blockId)}`;
    case 'lock':
      return `lock r${record.round} ${letter(record.blockId)}`;
    case 'polka':
      return `polka r${record.polka.round} ${letter(record.polka.blockId)}`;
    case 'block':
      return `body ${letter(record.blockId)}`;
    case 'decision':
      return `decision ${letter(record.certificate.blockId)}`;
    default:
      return record satisfies never;
  }
}

function letter(id: Hash | null): string {
  return id === null ? 'nil' : id.charAt(0).toUpperCase();
}

function voters(signatures: readonly IndexedSignature[]): string {
  return signatures.map((each) => each.validator).join(',');
}
