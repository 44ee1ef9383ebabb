import { describe, expect, test } from 'vitest';
import { ageOf, humanDuration, parseDuration } from '../../../cmd/kubectl-chain/output/age.ts';
import { jsonPath } from '../../../cmd/kubectl-chain/output/json-path.ts';
import { printList, type View } from '../../../cmd/kubectl-chain/output/print.ts';
import { printable } from '../../../cmd/kubectl-chain/output/printable.ts';
import { table } from '../../../cmd/kubectl-chain/output/table.ts';
import type { Terminal } from '../../../cmd/kubectl-chain/terminal.ts';

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];

describe('an age', () => {
  test.each([
    [0, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 30 * second, '5m30s'],
    [10 * minute, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + 5 * minute, '3h5m'],
    [8 * hour + 5 * minute, '8h'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [2 * day + 4 * hour, '2d4h'],
    [8 * day + 4 * hour, '8d'],
    [729 * day, '729d'],
    [731 * day, '2y1d'],
    [3_000 * day, '8y'],
  ])('of %d ms is printed as kubectl prints it: %s', (ms, expected) => {
    expect(humanDuration(ms)).toBe(expected);
  });

  test('of something that is a little in the future is 0s, as clocks differ', () => {
    expect(ageOf('2026-11-24T06:00:01.500Z', Date.parse('2026-11-24T06:00:00Z'))).toBe('0s');
  });

  test.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['7d', 7 * day],
    ['250ms', 250],
    ['30', 30_000],
    ['soon', undefined],
    ['', undefined],
  ])('is read from %j', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });
});

describe('a table', () => {
  test('has columns three spaces apart, and no spaces at the end of a line', () => {
    expect(
      table(
        ['ID', 'STATE'],
        [
          ['1', 'OPEN'],
          ['12', ''],
        ],
        true,
      ),
    ).toBe('ID   STATE\n1    OPEN\n12   <none>\n');
  });

  test('lets no text of other people move the cursor or turn the line around', () => {
    expect(table(['A'], [['x\u001b[2Ky\u202e\n']], false)).toBe('x\\u{1b}[2Ky\\u{202e}\\u{a}\n');
    expect(printable('plain – ünï')).toBe('plain – ünï');
  });
});

const data = {
  kind: 'List',
  items: [
    { id: 1, name: 'a', tags: ['x', 'y'], 'odd.key': 5 },
    { id: 2, name: 'b', tags: [], nested: { id: 3 } },
  ],
};

describe('a JSONPath template', () => {
  test.each([
    ['{.kind}', 'List'],
    ['{.items[*].id}', '1 2'],
    ['{.items[0].name}-{.items[1].name}', 'a-b'],
    ['{.items[-1].name}', 'b'],
    ['{.items[0:1].name}', 'a'],
    ['{range .items[*]}{.id}{"\\t"}{.name}{"\\n"}{end}', '1\ta\n2\tb\n'],
    ['{.items[?(@.id==2)].name}', 'b'],
    ['{.items[?(@.name=="a")].id}', '1'],
    ['{.items[?(@.nested)].id}', '2'],
    ['{..id}', '1 2 3'],
    ["{.items[0]['odd.key']}", '5'],
    ['{.items[0].odd\\.key}', '5'],
    ['{.items[0].tags}', '["x","y"]'],
    ['{.absent.deeper}', ''],
    ['{$.kind}', 'List'],
  ])('%s gives %j', (template, expected) => {
    expect(jsonPath(template)(data)).toBe(expected);
  });

  test.each(['{.a', '{range .items[*]}{.id}', '{end}', '{.items[what]}', '{a b}'])('%s is refused', (template) => {
    expect(() => jsonPath(template)).toThrow('output template');
  });
});

describe('a list', () => {
  const view: View<{ id: number; name: string }> = {
    kind: 'Thing',
    name: ({ id }) => `thing/${id}`,
    columns: [
      { header: 'ID', cell: ({ id }) => String(id) },
      { header: 'NAME', cell: ({ name }) => name, isWide: true },
    ],
  };
  const things = [
    { id: 10, name: 'b' },
    { id: 9, name: 'c' },
  ];
  const printed = async (options: object, items = things): Promise<string> => {
    let text = '';
    const terminal = {
      stdout: (part: string) => (text += part),
      stderr: (part: string) => (text += `! ${part}`),
      nowMs: () => 0,
    };
    await printList(terminal as unknown as Terminal, options, view, items);
    return text;
  };

  test.each([
    [{}, 'ID\n10\n9\n'],
    [{ output: 'wide', headers: false }, '10   b\n9    c\n'],
    [{ output: 'name' }, 'thing/10\nthing/9\n'],
    [{ output: 'name', sortBy: '.id' }, 'thing/9\nthing/10\n'],
    [{ output: 'name', sortBy: '{.name}' }, 'thing/10\nthing/9\n'],
    [{ output: 'custom-columns=N:.name,I:.id' }, 'N   I\nb   10\nc   9\n'],
    [{ output: 'jsonpath={.items[*].id}' }, '10 9'],
  ])('with %j is printed', async (options, expected) => {
    expect(await printed(options)).toBe(expected);
  });

  test('is a versioned list in JSON and YAML', async () => {
    const document = JSON.parse(await printed({ output: 'json' })) as object;
    expect(document).toEqual({
      apiVersion: 'kubectl-chain.dev/v1alpha1',
      kind: 'ThingList',
      items: things.map((thing) => ({ apiVersion: 'kubectl-chain.dev/v1alpha1', kind: 'Thing', ...thing })),
    });
    expect(await printed({ output: 'yaml' })).toContain('kind: ThingList\n');
  });

  test('that is empty says so on stderr, and is an empty list for scripts', async () => {
    expect(await printed({}, [])).toBe('! No resources found\n');
    expect(JSON.parse(await printed({ output: 'json' }, []))).toMatchObject({ items: [] });
  });

  test('in an unknown format is refused', async () => {
    await expect(printed({ output: 'xml' })).rejects.toMatchObject({ code: 'CLI_USAGE' });
  });
});
