import type { Fault } from '../fault.ts';

/** What only shows when nodes, network, disks and clocks play together. Each is caught by the fixed seeds of this test. */
const tests = ['test/sim/fixed.test.ts'];
const sim = { tests, project: 'sim' } as const;
const founding = { tests: ['test/sim/founding.test.ts'], project: 'sim' } as const;
const recovered = { tests: ['test/sim/recovered.test.ts'], project: 'sim' } as const;
const starved = { tests: ['test/sim/starved.test.ts'], project: 'sim' } as const;

const step = 'src/consensus/rules/propose-step.ts';
const prevotes = 'src/consensus/rules/prevotes.ts';
const precommits = 'src/consensus/rules/precommits.ts';
const engine = 'src/node/engine.ts';
const wal = 'src/store/wal/log.ts';

export const simFaults: readonly Fault[] = [
  // Mistakes seen in other engines.
  {
    ...sim,
    fault: 'What is signed leaves out the chain.',
    file: 'src/consensus/sign-bytes.ts',
    find: 'writeHash(bytes, 27, chain);',
    replace: '',
  },
  {
    ...sim,
    fault: 'What is signed leaves out the type.',
    file: 'src/consensus/sign-bytes.ts',
    find: 'typeCode[content.type];',
    replace: '1;',
  },
  {
    ...sim,
    fault: 'What is signed leaves out the round.',
    file: 'src/consensus/sign-bytes.ts',
    find: 'view.setUint32(67, content.round);',
    replace: '',
  },
  {
    ...sim,
    fault: 'A vote is sent before it is persisted: the core names no write to wait for.',
    file: 'src/consensus/turn.ts',
    find: 'afterSeq: state.seq }',
    replace: 'afterSeq: 0 }',
  },
  {
    ...sim,
    fault: 'A vote is sent before it is persisted: the shell does not wait.',
    file: engine,
    find: 'if (seq <= this.#durableSeq) run();',
    replace: 'if (seq > 0) run();',
  },
  {
    ...sim,
    fault: 'The lock is not persisted.',
    file: prevotes,
    find: "write(turn, { kind: 'lock', height, round, blockId });",
    replace: '',
  },
  {
    ...sim,
    fault: 'The polka of a lock is not persisted.',
    file: prevotes,
    find: "if (polka !== undefined) write(turn, { kind: 'polka', polka });",
    replace: '',
  },
  {
    ...sim,
    fault: 'The first vote wins: a conflicting one is no evidence.',
    file: 'src/consensus/vote-set.ts',
    find: 'conflictsWith: newConflict ? first : null',
    replace: 'conflictsWith: null',
  },
  {
    tests: ['test/unit/consensus/future-rounds.test.ts'],
    project: 'unit',
    fault: 'Votes of all future rounds are kept.',
    file: 'src/consensus/votes.ts',
    find: 'dropSupersededFuture(h, vote.validator, vote.round);',
    replace: '',
  },
  {
    tests: ['test/unit/node/review-p8-comes-back.test.ts'],
    project: 'unit',
    fault: 'The own clock decides whether a block is valid, on sync too.',
    file: 'src/node/sync.ts',
    find: 'requireBody(block);',
    replace:
      "requireBody(block);\n    if (Math.abs(Date.now() - block.header.timeMs) > 5_000) throw new ChainError('SYNC_RANGE_INVALID', { height, reason: 'its time is not now' });",
  },
  {
    ...sim,
    fault: 'Exactly two thirds are a quorum.',
    file: 'src/consensus/quorum.ts',
    find: '3 * votes > 2 * validators',
    replace: '3 * votes >= 2 * validators',
  },
  {
    ...sim,
    fault: 'A quorum is more than half.',
    file: 'src/consensus/quorum.ts',
    find: '3 * votes > 2 * validators',
    replace: '2 * votes > validators',
  },
  {
    ...sim,
    fault: 'A committed block is work: the chain spins for ever.',
    file: engine,
    find: 'txsAvailable: mempool.size > 0,',
    replace: 'txsAvailable: true,',
  },
  {
    ...sim,
    fault: 'A precommit is cast for an earlier round after a skip: the signer does not compare rounds.',
    file: 'src/consensus/signer.ts',
    find: 'a.height - b.height || a.round - b.round ||',
    replace: 'a.height - b.height ||',
  },
  {
    ...sim,
    fault: 'A restart begins at round 0.',
    file: 'src/consensus/restore.ts',
    find: 'h.round = roundNumber(Math.max(h.round, record.round));',
    replace: '',
  },
  {
    ...sim,
    fault: 'timeoutPrecommit never starts.',
    file: precommits,
    find: "startTimer(turn, h, 'precommit');",
    replace: '',
  },
  {
    ...sim,
    fault: 'Votes that are passed on are not verified.',
    file: 'src/node/message-check.ts',
    find: 'for (const vote of message.votes) verifyVote(context, vote);',
    replace: '',
  },

  {
    ...sim,
    fault: 'A verdict is an object, so every block is valid.',
    file: step,
    find: 'verdict.ok === true &&\n    verdict.proposer === validator &&\n    (validator === config.self ||',
    replace:
      'Boolean(verdict) &&\n    (verdict.ok !== true || verdict.proposer === validator) &&\n    (verdict.ok !== true ||\n      validator === config.self ||',
  },

  {
    ...sim,
    fault: 'One sender alone makes others jump to its round (in a whole committee).',
    file: precommits,
    find: 'descending[faultyMax(h.config.validators)]',
    replace: 'descending[0]',
  },

  // Sets of validators.
  {
    ...sim,
    fault: 'The set before verifies the first height of the new one.',
    file: engine,
    find: 'const { height, validators } = app.info();',
    replace: 'const { height, lastValidators: validators } = app.info();',
  },
  {
    ...sim,
    fault: 'The certificate of a synced block is verified with the set of the block before.',
    file: 'src/node/sync.ts',
    find: 'voteKeys: info.validators.map',
    replace: 'voteKeys: info.lastValidators.map',
  },

  // Locks and polkas.
  {
    ...sim,
    fault: 'A lock of round 0 is taken for no lock (in a whole committee).',
    file: step,
    find: '(h.lockedRound === -1 || h.lockedBlock === blockId)',
    replace: '(h.lockedRound <= 0 || h.lockedBlock === blockId)',
  },
  {
    ...sim,
    fault: 'Prevotes of a minority make a polka.',
    file: 'src/consensus/vote-set.ts',
    find: 'if (key !== nilKey && isQuorum(votes.size, set.validators)) blocks.push(key as Hash);',
    replace: 'if (key !== nilKey && 2 * votes.size >= set.validators) blocks.push(key as Hash);',
  },
  {
    ...sim,
    fault: 'Nil votes are counted as votes for a block.',
    file: 'src/consensus/vote-set.ts',
    find: 'if (key !== nilKey && isQuorum(votes.size',
    replace: 'if (key !== nilKey && isQuorum(votes.size + (set.byValue.get(nilKey)?.size ?? 0)',
  },
  {
    ...sim,
    fault: 'A proposer proposes again under a POL round that it made up.',
    file: 'src/consensus/signer.ts',
    find: 'const polRound = polka === null ? -1 : polka.round;',
    replace: 'const polRound = polka === null ? -1 : Math.max(polka.round, round - 1);',
  },

  // Rounds and timers.
  {
    ...sim,
    fault: 'The same validator proposes in every round.',
    file: 'src/consensus/proposer.ts',
    find: '(height + round) % validators',
    replace: 'height % validators',
  },
  {
    ...sim,
    fault: 'The entry into a round is not persisted.',
    file: 'src/consensus/enter-round.ts',
    find: "write(turn, { kind: 'round-entry', height: h.config.height, round });",
    replace: '',
  },

  // The signer and the log.
  {
    ...sim,
    fault: 'After a restart the signer has forgotten what it signed.',
    file: 'src/consensus/restore.ts',
    find: 'state.signed = at;\n    state.signedMessage = message;',
    replace: '',
  },
  {
    ...sim,
    fault: 'The body is not in the log when its block is voted for.',
    file: 'src/consensus/blocks.ts',
    find: "write(turn, { kind: 'block', height: h.config.height, blockId });",
    replace: '',
  },
  {
    ...sim,
    fault: 'The decision is not in the log when it is told.',
    file: precommits,
    find: "write(turn, { kind: 'decision', certificate: commit });",
    replace: '',
  },
  {
    ...sim,
    fault: 'The shell waits for the write before.',
    file: engine,
    find: 'if (seq <= this.#durableSeq) run();',
    replace: 'if (seq <= this.#durableSeq + 1) run();',
  },
  {
    ...sim,
    fault: 'An append is done when it is written, not when it is synced.',
    file: wal,
    find: "onDisk(path, 'sync', () => file.sync())",
    replace: "onDisk(path, 'sync', async () => undefined)",
  },
  {
    ...sim,
    fault: 'A slot is done when it is written, not when it is synced.',
    file: 'src/store/wal/slots.ts',
    find: "await onDisk(this.#path, 'sync', () => this.#file.sync());",
    replace: '',
  },
  {
    ...sim,
    fault: 'The log is dropped while the store is still writing.',
    file: 'src/node/commit-pipeline.ts',
    find: 'this.#pending += 1;',
    replace: 'this.#pending += 1;\n    this.#onDurable(block.height);',
  },
  {
    ...sim,
    fault: 'The log drops one height too many.',
    file: 'src/node/host.ts',
    find: 'truncateBefore(durable + 1)',
    replace: 'truncateBefore(durable + 2)',
  },
  {
    ...sim,
    fault: 'Frames that an earlier start left unconfirmed are not written again.',
    file: 'src/store/wal/open.ts',
    find: 'await rewrite(segments, log.unconfirmed);',
    replace: '',
  },
  {
    ...sim,
    fault: 'The name of a new segment is not synced.',
    file: 'src/store/wal/segments.ts',
    find: 'await this.#disk.rename(source, path);\n      await this.#disk.syncDirectory(this.#dir);',
    replace: 'await this.#disk.rename(source, path);',
  },
  {
    ...sim,
    fault: 'After a failed sync the log goes on.',
    file: wal,
    find: 'this.#failure = walFailure(this.#segment.path',
    replace: 'const failure = walFailure(this.#segment.path',
  },
  {
    ...sim,
    fault: 'Decided blocks are not applied again after a restart.',
    file: 'src/node/host.ts',
    find: 'await this.#engine.apply(result.executed, record.certificate);',
    replace: 'break;',
  },
  {
    ...founding,
    fault: 'A node that begins does not say where it stands.',
    file: 'src/consensus/on/start.ts',
    find: "if (isFirst && h.step === 'idle') broadcast(turn, roundStateOf(h));",
    replace: '',
  },

  // Who comes back from a backup.
  {
    ...recovered,
    fault: 'A restored node observes one height less than it must.',
    file: 'src/node/observing-until.ts',
    find: 'return quorum === validators ? decided : decided + 2;',
    replace: 'return quorum === validators ? decided : decided + 1;',
  },
  {
    ...recovered,
    fault: 'A restored node signs until it knows through which height it must observe.',
    file: 'src/node/observing-until.ts',
    find: 'this.#past.through === null || height <= this.#past.through',
    replace: 'this.#past.through !== null && height <= this.#past.through',
  },

  // Timers, and what an await lets go by.
  {
    ...starved,
    fault: 'The prevote timer starts only on mixed votes (in a whole committee).',
    file: prevotes,
    find: '!hasQuorumOfAny(data.prevotes)) return false;',
    replace: '!hasQuorumOfAny(data.prevotes) || quorumBlock(data.prevotes) !== null) return false;',
  },
  {
    ...starved,
    fault: 'The precommit timer starts only on mixed votes (in a whole committee).',
    file: precommits,
    find: '!hasQuorumOfAny(data.precommits)) return false;',
    replace: '!hasQuorumOfAny(data.precommits) || quorumBlock(data.precommits) !== null) return false;',
  },
  {
    ...sim,
    fault:
      'State is read again after an await: what was asked for while a write was under way counts as durable with it.',
    file: engine,
    find: 'this.#durableSeq = Math.max(this.#durableSeq, effect.seq);',
    replace: 'this.#durableSeq = Math.max(this.#durableSeq, this.#d.state.seq);',
  },
  {
    ...sim,
    fault:
      'State is not read again after an await: what consensus decided while a range was on its way is executed once more.',
    file: 'src/node/sync.ts',
    find: 'if (block.header.height <= app.info().height) continue;',
    replace: '',
  },

  // Proofs.
  {
    ...sim,
    fault: 'A certificate of too few is a certificate.',
    file: 'src/consensus/verify.ts',
    find: 'if (!isQuorum(signatures.length, context.voteKeys.length))',
    replace: 'if (signatures.length === 0)',
  },
  {
    ...sim,
    fault: 'Signatures of a certificate are not verified.',
    file: 'src/consensus/verify.ts',
    find: 'if (context.verify(key, bytes, signature) !== true) throw signatureError(type, { validator, height, round });',
    replace: 'void key;',
  },
  {
    ...sim,
    fault: 'A single vote is not verified.',
    file: 'src/node/message-check.ts',
    find: "case 'vote':\n      verifyVote(context, message);",
    replace: "case 'vote':",
  },
  {
    ...sim,
    fault: 'A polka that comes along is not verified.',
    file: 'src/node/message-check.ts',
    find: 'if (message.polka !== null) verifyPolka(context, message.polka);',
    replace: '',
  },
  {
    tests: ['test/unit/node/snapshot.test.ts'],
    project: 'unit',
    fault: 'A certificate that comes with a synced block is not verified.',
    file: 'src/node/sync.ts',
    find: 'verifyCertificate({ chain, voteKeys: info.validators.map(({ voteKey }) => voteKey), verify }, certificate);',
    replace: '',
  },

  // The shell.
  {
    ...sim,
    fault: 'A transaction is pushed once and never again.',
    file: 'src/node/host.ts',
    find: 'this.#gossip.repush();',
    replace: '',
  },
  {
    ...sim,
    fault: 'A decided transaction stays in the mempool.',
    file: engine,
    find: 'for (const { hash } of executed.txs) mempool.remove(hash);',
    replace: '',
  },
  {
    ...sim,
    fault: 'A peer that is down for a moment is never taken for up again.',
    file: engine,
    find: "if (validator !== null) this.#feed({ type: 'peer-up', validator });",
    replace: '',
  },
  {
    ...sim,
    fault: 'The certificate in a new block is of the first block that this process saw.',
    file: engine,
    find: 'app.commit(executed);\n    this.#lastCertificate = certificate;',
    replace: 'app.commit(executed);\n    this.#lastCertificate ??= certificate;',
  },
  {
    ...sim,
    fault: 'A node without progress says nothing.',
    file: 'src/consensus/on/tick.ts',
    find: 'repeatOwnMessages(turn, h);',
    replace: '',
  },
  {
    ...sim,
    fault: 'A client is told before the block is durable.',
    file: engine,
    find: 'else this.#whenDurable(afterSeq, tell);',
    replace: 'else tell();',
  },
  {
    ...sim,
    fault: 'Evidence of double signing is kept to oneself.',
    file: engine,
    find: 'return this.#d.onEvidence(effect.equivocation);',
    replace: 'return;',
  },
];
