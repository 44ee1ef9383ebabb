import type { Fault } from '../fault.ts';

const frames = 'test/unit/net/frame.test.ts';
const introduction = 'test/unit/net/introduction.test.ts';
const membership = 'test/unit/net/membership.test.ts';
const submitter = 'test/unit/node/submitter.test.ts';
const mempool = 'test/unit/node/mempool.test.ts';
const durable = 'test/unit/node/durable-before-told.test.ts';
const observing = 'test/unit/node/observing-until.test.ts';
const checkpoint = 'test/unit/node/review-p3-checkpoint.test.ts';
const answers = 'test/unit/node/true-answers.test.ts';

/** Who is at the other end, and what is said of a transaction. */
export const nodeFaults: readonly Fault[] = [
  {
    fault: 'The key of a dialled peer is not compared.',
    file: 'src/net/dial.ts',
    find: 'if (identity.key !== target.tlsKey) return',
    replace: "if (identity.key === '') return",
    tests: [introduction],
    project: 'unit',
  },
  {
    fault: "A peer may call itself by another name than its key's.",
    file: 'src/net/introduction.ts',
    find: 'if (hello.id !== provenId)',
    replace: "if (hello.id === '')",
    tests: [introduction],
    project: 'unit',
  },
  {
    fault: 'A peer of another chain is accepted.',
    file: 'src/net/introduction.ts',
    find: 'if (hello.chain !== self.chain) {',
    replace: "if (hello.chain === '') {",
    tests: [introduction],
    project: 'unit',
  },
  {
    fault: 'A certificate need not be signed with its key.',
    file: 'src/net/identity.ts',
    find: ' || !certificate.verify(publicKey)',
    replace: '',
    tests: [introduction],
    project: 'unit',
  },
  {
    fault: 'A frame may be as long as it says.',
    file: 'src/net/frame.ts',
    find: 'if (length + LENGTH_BYTES > this.frameBytesMax) {',
    replace: 'if (length < 0) {',
    tests: [frames],
    project: 'unit',
  },
  {
    fault: 'Connections that have not introduced themselves have no limit.',
    file: 'src/net/listener.ts',
    find: 'this.#unfinished.size >= limits.unfinishedMax || ofHost >= limits.unfinishedPerAddressMax',
    replace: 'this.#unfinished.size < 0',
    tests: [membership],
    project: 'unit',
  },
  {
    fault: 'A first witness is told as the decision.',
    file: 'src/node/submitter.ts',
    find: "result.decision !== 'WAITING'",
    replace: "result.code !== ''",
    tests: [submitter],
    project: 'unit',
  },
  {
    fault: 'What was refused is told as committed.',
    file: 'src/node/submitter.ts',
    find: "if (!check.ok) return { kind: 'rejected', code: check.code, message: check.message };",
    replace:
      "if (!check.ok) return { kind: 'committed', tx: '' as Hash, height: 0, leaf: 0, result: { decision: 'ADMITTED' } as never };",
    tests: [submitter],
    project: 'unit',
  },
  {
    fault: 'Silence is told as refused.',
    file: 'src/node/submitter.ts',
    find: `waiter, { kind: 'unknown', tx });
  }`,
    replace: `waiter, { kind: 'rejected', code: 'NODE_NOT_READY', message: '' });
  }`,
    tests: [submitter],
    project: 'unit',
  },
  {
    fault: 'One organisation fills the mempool.',
    file: 'src/node/mempool.ts',
    find: 'queue.txs.size >= orgTransactionsMax || queue.bytes + bytes.length > orgBytesMax',
    replace: 'queue.txs.size < 0',
    tests: [mempool],
    project: 'unit',
  },
  {
    fault: 'A commit is told before it is durable.',
    file: 'src/node/engine.ts',
    find: 'else this.#whenDurable(afterSeq, tell);',
    replace: 'else tell();',
    tests: [durable],
    project: 'unit',
  },
  {
    fault: 'A vote leaves before it is durable.',
    file: 'src/node/engine.ts',
    find: 'return this.#whenDurable(effect.afterSeq, () => this.#send(null, effect.message));',
    replace: 'return this.#send(null, effect.message);',
    tests: [durable],
    project: 'unit',
  },
  {
    fault: 'The log forgets a height before the store has it.',
    file: 'src/node/commit-pipeline.ts',
    find: 'const done = this.#store.commitBlock(block).then(',
    replace: `this.#onDurable(block.height);
    const done = this.#store.commitBlock(block).then(`,
    tests: [durable],
    project: 'unit',
  },
  {
    fault: 'A damaged log is signed with.',
    file: 'src/node/consensus-log.ts',
    find: "replay.condition === 'damaged' || ",
    replace: '',
    tests: [durable],
    project: 'unit',
  },
  {
    fault: 'A transaction that was rejected is answered as admitted.',
    file: 'src/node/admission.ts',
    find: `case 'rejected':
      return { kind: 'unavailable', code: outcome.code };`,
    replace: `case 'rejected':
      return { kind: 'admitted', height: 0, leaf: 0, proposal: null, tx: '' as Hash };`,
    tests: [answers],
    project: 'unit',
  },
  {
    fault: 'An expired change is answered as admitted.',
    file: 'src/node/admission.ts',
    find: `if (result.decision === 'EXPIRED') return { kind: 'unavailable', code: 'OUTCOME_TOO_LATE' };
      if (result.decision === 'ADMITTED')`,
    replace: "if (result.decision !== 'REFUSED')",
    tests: [answers],
    project: 'unit',
  },
  {
    fault: 'A refused change with an open proposal is submitted again and again.',
    file: 'src/node/admission.ts',
    find: 'if (open !== null) {\n    deps.refusedAgain',
    replace: 'if (open === undefined) {\n    deps.refusedAgain',
    tests: [answers],
    project: 'unit',
  },
  {
    fault: 'Another change under a known admission uid is decided.',
    file: 'src/node/replays.ts',
    find: 'known !== undefined && known.attestation !== text',
    replace: 'known?.atMs === -1',
    tests: ['test/unit/node/flood.test.ts'],
    project: 'unit',
  },
  {
    fault: 'A replayed review makes a second record.',
    file: 'src/node/replays.ts',
    find: 'if (known !== undefined) return known.outcome;',
    replace: '',
    tests: ['test/unit/node/flood.test.ts'],
    project: 'unit',
  },
  {
    fault: 'One user may fill the log with refusals.',
    file: 'src/node/refusals.ts',
    find: 'return tokens >= 1;',
    replace: 'return tokens >= 0;',
    tests: ['test/unit/node/flood.test.ts'],
    project: 'unit',
  },
  {
    fault: 'A node may write a summary of refusals whenever it likes.',
    file: 'src/ledger/execute/refusals.ts',
    find: 'x.timeMs < last.timeMs + BETWEEN_MIN_MS',
    replace: 'x.timeMs < last.timeMs',
    tests: ['test/unit/ledger/execute-refusals.test.ts'],
    project: 'unit',
  },
  {
    fault: 'A restored node signs again at the highest height in progress.',
    file: 'src/node/observing-until.ts',
    find: 'return quorum === validators ? decided : decided + 2;',
    replace: 'return quorum === validators ? decided : decided + 1;',
    tests: [observing],
    project: 'unit',
  },
  {
    fault: 'Two of three others are enough for a restored node.',
    file: 'src/node/observing-until.ts',
    find: 'return Math.min(quorumOf(validators), validators - 1);',
    replace: 'return quorumOf(validators) - 1;',
    tests: [observing],
    project: 'unit',
  },
  {
    fault: 'A peer that shows an unproven height is believed.',
    file: 'src/node/observing-until.ts',
    find: '      this.#d.verify(certificate);\n',
    replace: '',
    tests: [observing],
    project: 'unit',
  },
  {
    fault: 'A node that forgot what it cosigned cosigns.',
    file: 'src/node/checkpoints.ts',
    find: "if (forgotten !== '') throw",
    replace: "if (forgotten === 'never') throw",
    tests: [checkpoint],
    project: 'unit',
  },
  {
    fault: 'One address may ask the API as much as it likes.',
    file: 'src/api/door.ts',
    find: 'if (caller.cost < cost)',
    replace: 'if (caller.cost < 0)',
    tests: ['test/unit/api/door.test.ts'],
    project: 'unit',
    named: 'one address that asks without end',
  },
  {
    fault: 'A long answer of the API is made in one go.',
    file: 'src/api/pauses.ts',
    find: 'performance.now() - sinceMs < sliceMs',
    replace: 'sinceMs > 0',
    tests: ['test/unit/api/door.test.ts'],
    project: 'unit',
    named: 'take their time in slices',
  },
  {
    fault: 'A signed request for one node is good for every node.',
    file: 'src/client/signed-request.ts',
    find: 'if (!trust.audiences.includes(payload.audience)) throw',
    replace: 'if (trust.audiences.length === 0) throw',
    tests: ['test/unit/client/signed-request.test.ts'],
    project: 'unit',
    named: 'a request for one node',
  },
  {
    fault: 'A peer may push forged transactions without end.',
    file: 'src/node/transaction-gossip.ts',
    find: 'if (vain.left < 1)',
    replace: 'if (vain.left < -1e9)',
    tests: ['test/unit/node/gossip-flood.test.ts'],
    project: 'unit',
  },
];
