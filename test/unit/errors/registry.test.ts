import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import type { ErrorEntry } from '../../../src/errors/define.ts';
import { registry } from '../../../src/errors/registry.ts';

const FOLDER = new URL('../../../src/errors/registry/', import.meta.url);
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'));

/** Entries of each module as its file exports them, before they are spread into one object. */
const modules = await Promise.all(
  files.map(async (file) => {
    const exported = (await import(new URL(file, FOLDER).href)) as Record<string, Record<string, ErrorEntry<never>>>;
    return { file, entries: Object.assign({}, ...Object.values(exported)) as Record<string, ErrorEntry<never>> };
  }),
);
const codes = Object.entries(registry) as unknown as [keyof typeof registry, ErrorEntry<never>][];

/** A payload of any shape: each of its fields is a text, number, list and function as the message needs it. */
function anyPayload(): never {
  const stand: unknown = new Proxy(() => stand, {
    get: (_, key) => {
      if (key === Symbol.iterator) return [][Symbol.iterator].bind([]);
      if (key === Symbol.toPrimitive || key === 'toString' || key === 'toJSON') return () => '<field>';
      return stand;
    },
  });
  return stand as never;
}

describe('the error registry', () => {
  test('holds every code of every module: none is lost to another of the same name', () => {
    const all = modules.flatMap(({ entries }) => Object.keys(entries));
    expect(all.filter((code, i) => all.indexOf(code) !== i)).toEqual([]);
    expect(Object.keys(registry).toSorted()).toEqual(all.toSorted());
    expect(all.length).toBeGreaterThan(20);
  });

  test.each(codes)('%s is well-formed', (code, entry) => {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    expect(entry.remedy.trim()).not.toBe('');
    expect(Number.isInteger(entry.httpStatus) && entry.httpStatus >= 400 && entry.httpStatus <= 599).toBe(true);
    const message = String(entry.message(anyPayload()));
    expect(message.trim()).not.toBe('');
    expect(message).not.toMatch(/undefined|\[object/);
  });
});

describe('ChainError', () => {
  const cause = new Error('why');
  const error = new ChainError('CODEC_BINARY_TRAILING', { offset: 4, left: 2 }, { cause });

  test('carries code, payload, message, remedy, status and cause', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('ChainError');
    expect(error.code).toBe('CODEC_BINARY_TRAILING');
    expect(error.payload).toEqual({ offset: 4, left: 2 });
    expect(error.message).toBe('2 bytes stand behind the end of the binary data at offset 4');
    expect(error.remedy).toBe(registry.CODEC_BINARY_TRAILING.remedy);
    expect(error.httpStatus).toBe(400);
    expect(error.cause).toBe(cause);
  });

  test('is told apart by its code', () => {
    expect(isChainError(error)).toBe(true);
    expect(isChainError(error, 'CODEC_BINARY_TRAILING')).toBe(true);
    expect(isChainError(error, 'CODEC_HEX')).toBe(false);
    expect(isChainError(cause)).toBe(false);
    expect(isChainError({ code: 'CODEC_HEX' })).toBe(false);
  });
});
