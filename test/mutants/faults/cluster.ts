import type { Fault } from '../fault.ts';

const attribution = 'test/unit/cluster/attribution.test.ts';
const audit = 'test/unit/cluster/audit-detector.test.ts';

/** What observers accuse of, and of what they must not. */
export const clusterFaults: readonly Fault[] = [
  {
    fault: 'An observer that is behind the log accuses.',
    file: 'src/cluster/attribution.ts',
    find: 'if (this.#caughtUpMs <= version.seenMs) {',
    replace: 'if (this.#caughtUpMs === version.seenMs) {',
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'How far the log was is taken for when the answer came, not for when it was asked.',
    file: 'src/cluster/attribution.ts',
    find: 'this.#caughtUpMs = askedMs;',
    replace: 'this.#caughtUpMs = this.#d.now();',
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'A content that is written again after another one is taken for the one before.',
    file: 'src/cluster/tracked-object.ts',
    find: 'else this.#content.set(version, state.content);',
    replace: 'else if (!this.#content.has(version)) this.#content.set(version, state.content);',
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'An old content may be written again: its record need not stand on the version before.',
    file: 'src/cluster/judge.ts',
    find: 'if (!isBase) return',
    replace: "if (!isBase && subresource !== '') return",
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'A list that is older than an event makes its object vanish.',
    file: 'src/cluster/tracked-object.ts',
    find: 'if (this.last >= resourceVersion || ',
    replace: 'if (',
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'A version of the API that is read late is not waited for.',
    file: 'src/cluster/attribution.ts',
    find: "if (!this.#isReadTo(tracked, version)) return 'wait';",
    replace: '',
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'What a controller made need not lead back to anything.',
    file: 'src/cluster/judge.ts',
    find: "return found === 'traced' ? 'derived'",
    replace: "return found !== 'waiting' ? 'derived'",
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: 'A controller may change what runs in its pods.',
    file: 'src/cluster/judge.ts',
    find: 'if (!keepsWork(resource, after, before)) return false;',
    replace: '',
    tests: [attribution],
    project: 'unit',
  },
  {
    fault: "Another person's approval is used without a word.",
    file: 'src/cluster/audit-detector.ts',
    find: '      approval === undefined &&\n',
    replace: '',
    tests: [audit],
    project: 'unit',
  },
];
