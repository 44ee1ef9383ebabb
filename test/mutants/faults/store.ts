import type { Fault } from '../fault.ts';

const damage = 'test/unit/store/wal/damage.test.ts';
const crash = 'test/unit/store/wal/crash.test.ts';
const log = 'test/unit/store/wal/log.test.ts';
const frame = 'test/unit/store/wal/frame.test.ts';
const store = 'test/unit/store/store.test.ts';

/** What was acknowledged survives, and what was never acknowledged is not taken for a record. */
export const storeFaults: readonly Fault[] = [
  {
    fault: 'A torn tail is taken for a record.',
    file: 'src/store/wal/frame.ts',
    find: "if (!checksum(expected.logId, frame).equals(stored)) return 'torn';",
    replace: '',
    tests: [frame],
    project: 'unit',
  },
  {
    fault: 'Old content of a recycled segment is read as records.',
    file: 'src/store/wal/frame.ts',
    find: 'header.readUIntBE(8, 6) !== expected.segment || header.readUIntBE(14, 6) !== expected.sequence',
    replace: 'header.readUIntBE(14, 6) < 0',
    tests: [log, damage, crash],
    project: 'unit',
  },
  {
    fault: 'What an earlier start left unfinished is read as records.',
    file: 'src/store/wal/frame.ts',
    find: "if (epoch < expected.epochMin || epoch > expected.epochMax) return 'none';",
    replace: '',
    tests: [log, damage, crash],
    project: 'unit',
  },
  {
    fault: 'The log is not synced before an append is acknowledged.',
    file: 'src/store/wal/log.ts',
    find: "await onDisk(path, 'sync', () => file.sync());",
    replace: '',
    tests: [crash],
    project: 'unit',
  },
  {
    fault: 'An append is acknowledged before its slot is durable.',
    file: 'src/store/wal/slots.ts',
    find: "await onDisk(this.#path, 'sync', () => this.#file.sync());",
    replace: '',
    tests: [crash],
    project: 'unit',
  },
  {
    fault: 'The checksum of a slot is not compared.',
    file: 'src/store/wal/slots.ts',
    find: ' || !checksum(bytes).equals(bytes.subarray(checksumOffset))',
    replace: '',
    tests: [damage],
    project: 'unit',
  },
  {
    fault: 'Frames that the slot covers may be missing.',
    file: 'src/store/wal/replay.ts',
    find: 'if (this.#sequence <= covered.sequence) {',
    replace: 'if (this.#sequence < 0) {',
    tests: [damage],
    project: 'unit',
  },
  {
    fault: 'After a failed sync the log takes further appends.',
    file: 'src/store/wal/log.ts',
    find: 'if (this.#failure !== undefined) return Promise.reject(this.#failure);',
    replace: '',
    tests: [log, crash],
    project: 'unit',
  },
  {
    fault: 'A log that is gone is made anew, and the node signs again.',
    file: 'src/store/wal/open.ts',
    find: "if (mode === 'resume') return refused",
    replace: "if (dir === '') return refused",
    tests: [log, damage],
    project: 'unit',
  },
  {
    fault: 'A frame beyond the slot is believed without being made durable.',
    file: 'src/store/wal/open.ts',
    find: 'await rewrite(segments, log.unconfirmed);',
    replace: '',
    tests: [damage, log],
    project: 'unit',
  },
  {
    fault: 'A height may be skipped.',
    file: 'src/store/store.ts',
    find: 'if (height !== last + 1 && !(last === -1 && height === 1)) throw',
    replace: 'if (height < 0) throw',
    tests: [store],
    project: 'unit',
  },
  {
    fault: 'A commit is acknowledged before it is synced.',
    file: 'src/store/store.ts',
    find: 'await this.table.write(writes, lingerMs);',
    replace: 'void this.table.write(writes);',
    tests: [store],
    project: 'unit',
  },
  {
    fault: 'The spool acknowledges before it is on the disk.',
    file: 'src/store/spool/spool.ts',
    find: '        await segment.file?.sync();',
    replace: '',
    tests: ['test/unit/store/spool.test.ts'],
    project: 'unit',
    named: 'after a power failure',
  },
  {
    fault: 'A slot that a failed sync left in the page cache only is built on.',
    file: 'src/store/wal/open.ts',
    find: 'if (areIntact) await slots.write(log.slot);',
    replace: '',
    tests: ['test/unit/store/wal/damage.test.ts'],
    project: 'unit',
  },
];
