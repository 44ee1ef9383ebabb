import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { namespaceOf } from './play.ts';
import { page, PAGE_FILE } from './page.ts';
import { ROWS } from './table.ts';

test('the page of mutations is what the suite plays: node test/cluster/mutations/page.ts writes it', () => {
  expect(readFileSync(PAGE_FILE, 'utf8')).toBe(page());
});

test('rows have names of their own, which fit into the name of a namespace and begin no other', () => {
  const namespaces = ROWS.map((row) => namespaceOf(row, true));
  for (const name of namespaces) {
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/);
    expect(namespaces.filter((other) => other.includes(name))).toEqual([name]);
  }
});
