import { nativeBackend } from '../../../src/crypto/index.ts';
import { toBase64, utf8Decode } from '../../../src/codec/index.ts';
import { assembleCheckpoint, cosign, originOf } from '../../../src/ledger/checkpoint.ts';
import { signDescriptor } from '../../../src/ledger/descriptor.ts';
import { rotationBytes } from '../../../src/ledger/execute/key-rotation.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { Validator } from '../../../src/types/chain.ts';
import type { ConfigChange, NodeKeyPurpose } from '../../../src/types/transaction.ts';
import { sha256, signerByKey, signerOf, validatorOf, type TestChain } from './test-chain.ts';

/** Changes of the validator set of a chain in one process, and their handovers. */

const FIELD = { tx: 'txKey', checkpoint: 'checkpointKey', tls: 'tlsKey' } as const;
export const current = (chain: TestChain): readonly Validator[] => chain.app.info().validators;
export const ids = (chain: TestChain): readonly string[] => current(chain).map(({ id }) => id);
export const of = (chain: TestChain, id: string): Validator => current(chain).find((v) => v.id === id) as Validator;

/** The signed descriptor of an organisation's node. */
export function descriptorOf(
  validator: Validator,
  more: { signers?: readonly string[]; members?: readonly string[] } = {},
): string {
  const { voteKey, txKey, tlsKey, checkpointKey, org } = validator;
  const keys = more.signers ?? [voteKey, txKey, tlsKey, checkpointKey];
  const members = (more.members ?? ['ann']).map((name) => ({
    name,
    key: signerOf(`${name} of ${org}`).publicKey,
    roles: ['member' as const],
  }));
  const content = { org, validator, votesRequired: 1, members, apiCa: '', webhookCa: '' };
  return utf8Decode(signDescriptor(content, keys.map(signerByKey), sha256));
}

/** Put to the vote and approved by the first three organisations that may vote; how it ended. */
export function decide(
  chain: TestChain,
  config: readonly ConfigChange[],
  voters: readonly string[] = ['alpha', 'beta', 'gamma'],
): string {
  const proposed = chain.configure('alpha', config);
  if (proposed !== 'DONE OK') return proposed;
  const id = chain.app.liveProposals().at(-1)?.id ?? 0;
  for (const org of voters) if (chain.proposal(id).state === 'OPEN') chain.vote(org, id);
  const { state, endCode } = chain.proposal(id);
  return state === 'FAILED' ? `${state} ${endCode}` : state;
}

export const joiner = (): Validator => validatorOf('epsilon');
export const admit = (chain: TestChain, descriptor = descriptorOf(joiner())): string =>
  decide(chain, [{ type: 'validator-join', descriptor, replaces: null }]);

export function join(chain: TestChain, more: { height?: number; appHash?: Hash } = {}): string {
  const { header } = (chain.blocks.at(-1) as TestChain['blocks'][number]).block;
  return chain.verdict({
    kind: 'validator-join',
    node: 'epsilon' as ValidatorId,
    height: header.height,
    appHash: header.appHash,
    ...more,
  });
}

export function rotation(chain: TestChain, node: string, purpose: NodeKeyPurpose, next = `${node} next ${purpose}`) {
  const from = of(chain, node)[FIELD[purpose]];
  const { publicKey: to } = signerOf(next);
  const bytes = rotationBytes({ chain: chain.app.genesisHash, owner: node, purpose, from, to });
  const proofs = { from: toBase64(signerByKey(from).sign(bytes)), to: toBase64(signerOf(next).sign(bytes)) };
  return { kind: 'key-rotation' as const, node: node as ValidatorId, purpose, from, to, proofs };
}

/** Notes of the tree after the block that changed the set, each by these validators. */
export function handover(chain: TestChain, more: { before?: readonly Validator[]; after?: readonly Validator[] } = {}) {
  const set = chain.app.validatorSet();
  const { state } = chain.blocks[set.fromHeight - 2] as TestChain['blocks'][number];
  const checkpoint = { origin: originOf('demo', chain.app.genesisHash), size: state.logSize, root: state.logRoot };
  const note = (all: readonly Validator[], by: readonly Validator[]): string =>
    assembleCheckpoint(
      checkpoint,
      all,
      new Map(by.map((v) => [v.id, cosign(checkpoint, 1_760_000_000, signerByKey(v.checkpointKey))])),
      nativeBackend,
    );
  const previous = chain.app.validatorSetNumber(set.n - 1)?.validators ?? [];
  return {
    kind: 'handover' as const,
    node: 'alpha' as ValidatorId,
    set: set.n,
    before: note(previous, more.before ?? previous),
    after: note(set.validators, more.after ?? set.validators),
  };
}

export const settled = (chain: TestChain): TestChain => {
  const verdict = chain.verdict(handover(chain));
  if (verdict !== 'DONE OK') throw new Error(`the handover is refused: ${verdict}`);
  return chain;
};
