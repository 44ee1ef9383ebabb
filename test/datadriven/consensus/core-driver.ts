import { initialState, proposerOf, restore, step } from '../../../src/consensus/index.ts';
import type { ConsensusEvent, ConsensusState, Effect } from '../../../src/consensus/index.ts';
import type { Hash, Height, Round } from '../../../src/types/brand.ts';
import type { ChainParams } from '../../../src/types/chain.ts';
import type {
  ConsensusMessage,
  IndexedSignature,
  SignedPosition,
  Vote,
  VoteBitmap,
  WalRecord,
} from '../../../src/types/consensus.ts';
import { describeEffect } from './describe.ts';

type WithoutClock<E> = E extends unknown ? Omit<E, 'nowMs'> : never;

const params: ChainParams = {
  timeoutProposeMs: 500,
  timeoutProposeDeltaMs: 250,
  timeoutVoteMs: 250,
  timeoutVoteDeltaMs: 100,
  timeoutMaxMs: 30_000,
  blockBytesMax: 1_000_000,
  blockTxsMax: 1_000,
  precisionMs: 500,
  messageDelayMs: 1_000,
  bodyRetentionMs: 400 * 86_400_000,
  proposalRetentionMs: 30 * 86_400_000,
};
const epochMs = 1_000_000;

/**
 * One core of n, driven by the commands of a transcript. Height 4 unless told, so that validator r proposes in round r of a
 * set of four. Blocks are letters A to F. What others sign is taken as verified, which is the shell's part.
 */
export class CoreDriver {
  #state: ConsensusState | null = null;
  #n = 4;
  #self: number | null = 0;
  #height = 4;
  #observe = false;
  #nowMs = epochMs;
  #log: { readonly seq: number; readonly records: readonly WalRecord[]; readonly position: SignedPosition }[] = [];
  #lastSeq = 0;
  #rules: string[] = [];

  /** Carries out one command line (`bare`: a proposal without its polka) and returns what the core did, one line an effect, the rules that fired first. */
  run(line: string): string {
    const [command = '', ...words] = line.trim().split(/\s+/);
    const args = new Arguments(words);
    switch (command) {
      case 'core':
        return this.#create(args);
      case 'restart':
        return this.#restart(args);
      case 'state':
        return this.#describe();
      case 'log':
        return this.#log.flatMap(({ records }) => records.map((record) => record.kind)).join(' ') || 'empty';
      case 'wait':
        this.#nowMs += args.int('ms', 0);
        return `clock +${this.#nowMs - epochMs} ms`;
      default:
        return this.#feed(this.#event(command, args));
    }
  }

  #create(args: Arguments): string {
    this.#n = args.int('n', 4);
    this.#self = args.has('observer') ? null : args.int('self', 0);
    this.#height = args.int('height', 4);
    this.#observe = args.has('observe');
    this.#log = [];
    this.#lastSeq = 0;
    this.#nowMs = epochMs;
    this.#state = initialState(this.#core());
    return this.#feed(this.#start(args));
  }

  /** `durable=S` keeps what was synced up to persist S; without it everything was. `slot=r/step` overrides the second slot. */
  #restart(args: Arguments): string {
    this.#log = this.#log.filter(({ seq }) => seq <= args.int('durable', this.#lastSeq));
    const records = this.#log.flatMap((each) => each.records);
    const slot = args.text('slot');
    const [round, stepNumber] = (slot ?? '0/0').split('/').map(Number);
    const position: SignedPosition | null =
      slot === null
        ? (this.#log.at(-1)?.position ?? null)
        : { height: this.#height, round: round ?? 0, step: (stepNumber ?? 0) as SignedPosition['step'] };
    this.#lastSeq = 0;
    this.#state = restore(this.#core(), args.has('empty-log') ? [] : records, position);
    return this.#feed(this.#start(args));
  }

  #core(): { chain: Hash; sign: (message: Uint8Array) => Uint8Array; trace: (rule: string) => void } {
    return {
      chain: '0'.repeat(64) as Hash,
      sign: (message) => new Uint8Array(64).fill(message[26] ?? 0),
      trace: (rule) => void this.#rules.push(rule),
    };
  }

  #start(args: Arguments): WithoutClock<ConsensusEvent> {
    return {
      type: 'start',
      config: {
        height: this.#height as Height,
        validators: this.#n,
        self: this.#self,
        validatorsHash: (args.text('set') ?? '1').repeat(64) as Hash,
        params,
        lastBlockTimeMs: epochMs - 60_000,
        observe: this.#observe,
      },
      txsAvailable: args.has('txs'),
      down: args.list('down'),
    };
  }

  #event(command: string, args: Arguments): WithoutClock<ConsensusEvent> {
    const height = args.int('h', this.#height) as Height;
    const round = args.int('r', 0) as Round;
    switch (command) {
      case 'next':
        this.#height += 1;
        return this.#start(args);
      case 'txs':
        return { type: 'txs-available' };
      case 'built': {
        const block = args.first();
        const built = block === 'none' ? null : { blockId: blockId(block), timeMs: this.#nowMs, appHash: blockId('F') };
        return { type: 'block-built', height, round, built };
      }
      case 'valid':
        return {
          type: 'block-validated',
          height,
          blockId: blockId(args.first()),
          verdict: {
            ok: true,
            proposer: args.int('proposer', proposerOf(height, 0, this.#n)),
            timeMs: this.#nowMs + args.int('time', 0),
            appHash: blockId('F'),
          },
        };
      case 'invalid':
        return {
          type: 'block-validated',
          height,
          blockId: blockId(args.first()),
          verdict: { ok: false, detail: 'app hash differs' },
        };
      case 'timeout':
        return { type: 'timeout', height, round, kind: args.first() as 'propose' | 'prevote' | 'precommit' };
      case 'durable':
        return { type: 'persist-done', seq: Number(args.first()) };
      case 'peer-down':
      case 'peer-up':
        return { type: command, validator: Number(args.first()) };
      case 'synced':
        return { type: 'synced-block', certificate: { height, round, blockId: blockId(args.first()), signatures: [] } };
      case 'tick':
        return { type: 'tick' };
      default:
        return {
          type: 'message',
          from: args.has('stranger') ? null : args.int('from', args.list('by')[0] ?? 1),
          message: this.#message(command, height, round, args),
        };
    }
  }

  #message(command: string, height: Height, round: Round, args: Arguments): ConsensusMessage {
    switch (command) {
      case 'proposal': {
        const polRound = args.int('pol', -1);
        const id = blockId(args.first());
        const polka =
          polRound < 0 || args.has('bare')
            ? null
            : { height, round: polRound as Round, blockId: id, signatures: signatures(args.list('polka')) };
        const validator = args.int('by', proposerOf(height, round, this.#n));
        return {
          kind: 'proposal',
          height,
          round,
          polRound,
          blockId: id,
          validator,
          polka,
          signature: new Uint8Array(64),
        };
      }
      case 'prevote':
      case 'precommit': {
        const [vote, ...more] = votes(command, height, round, args);
        if (vote === undefined) throw new Error(`${command} names no voter`);
        return more.length === 0 ? vote : { kind: 'votes', height, votes: [vote, ...more], polka: null };
      }
      case 'polka':
        return {
          kind: 'votes',
          height,
          votes: [],
          polka: { height, round, blockId: blockId(args.first()), signatures: signatures(args.list('by')) },
        };
      case 'commit':
        return {
          kind: 'commit',
          certificate: { height, round, blockId: blockId(args.first()), signatures: signatures(args.list('by')) },
        };
      case 'round-state': {
        const bitmap = { round, prevotes: bits(args.list('prevotes')), precommits: bits(args.list('precommits')) };
        return {
          kind: 'round-state',
          height,
          round,
          active: !args.has('idle'),
          hasProposal: args.has('proposal'),
          rounds: args.has('idle') ? [] : [bitmap, ...(args.text('also')?.split(',').map(bitmapOf) ?? [])],
        };
      }
      default:
        throw new Error(`unknown command ${command}`);
    }
  }

  #feed(event: WithoutClock<ConsensusEvent>): string {
    if (this.#state === null) throw new Error('no core yet');
    this.#rules = [];
    const effects = step(this.#state, { ...event, nowMs: this.#nowMs } as ConsensusEvent);
    for (const effect of effects) this.#remember(effect);
    const lines = effects.map((effect) => describeEffect(effect, this.#height));
    if (this.#rules.length > 0) lines.unshift(`rules: ${this.#rules.join(' ')}`);
    return lines.length === 0 ? 'nothing' : lines.join('\n');
  }

  #remember(effect: Effect): void {
    if (effect.type !== 'persist') return;
    this.#log.push(effect);
    this.#lastSeq = effect.seq;
  }

  #describe(): string {
    const h = this.#state?.current;
    if (this.#state === null || h === null || h === undefined) return 'not started';
    const value = (round: number, id: Hash | null): string => (id === null ? 'none' : `${letterOf(id)} r${round}`);
    const { signed, halted } = this.#state;
    return [
      `r${h.round} ${h.step}; locked ${value(h.lockedRound, h.lockedBlock)}; valid ${value(h.validRound, h.validBlock)}`,
      `signed ${signed.height}/${signed.round}/${signed.step}${halted === null ? '' : `; halted ${halted.code}`}`,
    ].join('; ');
  }
}

/** `word`, `key=value`, `key=1,2,3`. */
class Arguments {
  readonly #words: readonly string[];

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  first(): string {
    const word = this.#words.find((each) => !each.includes('='));
    if (word === undefined) throw new Error('an argument is missing');
    return word;
  }

  has(word: string): boolean {
    return this.#words.includes(word);
  }

  text(key: string): string | null {
    return this.#words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1) ?? null;
  }

  int(key: string, otherwise: number): number {
    const text = this.text(key);
    return text === null ? otherwise : Number(text);
  }

  list(key: string): readonly number[] {
    const text = this.text(key) ?? '';
    return text === '' ? [] : text.split(',').map(Number);
  }
}

function votes(type: Vote['type'], height: Height, round: Round, args: Arguments): readonly Vote[] {
  const word = args.first();
  const id = word === 'nil' ? null : blockId(word);
  return args
    .list('by')
    .map((validator) => ({ kind: 'vote', type, height, round, blockId: id, validator, signature: new Uint8Array(64) }));
}

function signatures(validators: readonly number[]): readonly IndexedSignature[] {
  return validators.map((validator) => ({ validator, signature: new Uint8Array(64) }));
}

/** `2:0.1/3`: in round 2 prevotes of 0 and 1, a precommit of 3. */
function bitmapOf(text: string): VoteBitmap {
  const [round, prevotes = '', precommits = ''] = text.split(/[:/]/);
  const validators = (list: string): number[] => (list === '' ? [] : list.split('.').map(Number));
  return { round: Number(round) as Round, prevotes: bits(validators(prevotes)), precommits: bits(validators(precommits)) };
}

function bits(validators: readonly number[]): number {
  return validators.reduce((sum, validator) => sum | (1 << validator), 0);
}

function blockId(letter: string): Hash {
  if (!/^[A-F]$/.test(letter)) throw new Error(`a block is a letter from A to F, not ${letter}`);
  return letter.toLowerCase().repeat(64) as Hash;
}

function letterOf(id: Hash | null): string {
  return id === null ? 'nil' : id.charAt(0).toUpperCase();
}
