import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectSoundFolders } from './checks.ts';
import { Committee, type FaultNode } from './committee.ts';
import { Governing, prepareJoiner, readerFromGenesis } from './governing.ts';
import { Load } from './load.ts';

const TIMEOUT_MS = 240_000;

let committee: Committee;
let joiner: FaultNode;
let governing: Governing;

beforeAll(async () => {
  committee = await Committee.found(4);
  joiner = await prepareJoiner(committee);
  governing = new Governing(committee);
  await committee.start();
}, TIMEOUT_MS);

afterAll(async () => {
  governing.close();
  await joiner.close();
  await committee.close();
}, TIMEOUT_MS);

describe('P3, P7, P8: four validators become five, and four again, while changes are made', () => {
  it(
    'and nothing that was allowed is lost, nobody disagrees, and a reader that knows the genesis only follows',
    async () => {
      const load = new Load(committee, 'sets', 2);
      await load.progress(10);

      // One that does not hold the keys that it shows.
      const altered = JSON.parse(readFileSync(joiner.files.descriptor, 'utf8')) as { signatures: object[] };
      const stolen = JSON.stringify({ ...altered, signatures: altered.signatures.slice(1) });
      await expect(governing.propose([{ type: 'validator-join', descriptor: stolen, replaces: null }])).rejects.toThrow(
        'is not signed by key',
      );

      await governing.join(joiner, 1);
      expect((await governing.reader.validatorSets()).map(({ validators }) => validators.length)).toEqual([4, 5]);
      await load.progress(10);

      // Five tolerate one, so now the fifth must vote: without it there would be no quorum.
      const away = committee.nodes[3] as FaultNode;
      await away.kill();
      await load.progress(10);
      await away.start();
      await away.ready();

      await governing.remove(joiner.org, 2);
      await load.progress(10);
      await load.stop();

      await committee.agreed();
      const stranger = readerFromGenesis(committee);
      const sets = await stranger.validatorSets();
      expect(sets.map(({ validators: members, isHandedOver }) => [members.length, isHandedOver])).toEqual([
        [4, true],
        [5, true],
        [4, true],
      ]);
      const index = load.allowed.flatMap(({ answers }) => answers.flatMap(({ leaf }) => leaf ?? []));
      expect(await stranger.leaves([...new Set(index)])).toHaveLength(new Set(index).size);
      expect(stranger.liars).toEqual([]);
      expect(await stranger.freshness()).toMatchObject({ isFresh: true });
      stranger.close();

      expect((await joiner.stop()).code).toBe(0);
      expect((await joiner.fsck()).problems).toEqual([]);
      await expectSoundFolders(committee);
    },
    TIMEOUT_MS,
  );
});
