import { ChainError } from '../../../src/errors/chain-error.ts';
import type { Terminal } from '../terminal.ts';
import { jsonPath, textOf, valuesAt } from './json-path.ts';
import { table } from './table.ts';

export const apiVersion = 'kubectl-chain.dev/v1alpha1';

/** How one kind of thing is shown. The thing itself is the JSON that scripts read. */
export interface View<T> {
  readonly kind: string;
  /** As in `proposal/7`. */
  readonly name: (thing: T) => string;
  readonly columns: readonly Column<T>[];
}

export interface Column<T> {
  readonly header: string;
  readonly cell: (thing: T, nowMs: number) => string;
  /** Only with -o wide. */
  readonly isWide?: boolean;
}

export interface OutputOptions {
  readonly output?: string;
  /** False with --no-headers. */
  readonly headers?: boolean;
  readonly sortBy?: string;
}

const plain = ['table', 'wide', 'json', 'yaml', 'name'] as const;

interface Format {
  readonly kind: (typeof plain)[number] | 'jsonpath' | 'custom-columns';
  readonly template: string;
}

/** Throws CLI_USAGE for an unknown one. */
export function formatOf(output: string | undefined): Format {
  const text = output ?? 'table';
  const known = plain.find((name) => name === text);
  if (known !== undefined) return { kind: known, template: '' };
  const [name, template] = [text.slice(0, Math.max(0, text.indexOf('='))), text.slice(text.indexOf('=') + 1)];
  if (name === 'jsonpath' || name === 'custom-columns') return { kind: name, template };
  throw new ChainError('CLI_USAGE', {
    problem: `unknown output format "${text}": use table, wide, json, yaml, name, jsonpath=TEMPLATE or custom-columns=SPEC`,
  });
}

/** True if the output is for a person to read. */
export function isTable(options: OutputOptions): boolean {
  const { kind } = formatOf(options.output);
  return kind === 'table' || kind === 'wide';
}

/** A list: `{apiVersion, kind: "<Kind>List", items}`. An empty one says so on stderr. */
export async function printList<T extends object>(
  terminal: Terminal,
  options: OutputOptions,
  view: View<T>,
  things: readonly T[],
  extra: object = {},
): Promise<void> {
  const format = formatOf(options.output);
  const items = options.sortBy === undefined ? things : sorted(things, options.sortBy);
  if (items.length === 0 && (isTable(options) || format.kind === 'name' || format.kind === 'custom-columns')) {
    terminal.stderr('No resources found\n');
    return;
  }
  if (await printRows(terminal, format, options, view, items)) return;
  const list = { apiVersion, kind: `${view.kind}List`, ...extra, items: items.map((item) => typed(view, item)) };
  await printDocument(terminal, format, list);
}

/** One thing: `{apiVersion, kind, ...}`. */
export async function printOne<T extends object>(
  terminal: Terminal,
  options: OutputOptions,
  view: View<T>,
  thing: T,
): Promise<void> {
  const format = formatOf(options.output);
  if (await printRows(terminal, format, options, view, [thing])) return;
  await printDocument(terminal, format, typed(view, thing));
}

function typed<T extends object>(view: View<T>, thing: T): object {
  return { apiVersion, kind: view.kind, ...thing };
}

async function printRows<T extends object>(
  terminal: Terminal,
  format: Format,
  options: OutputOptions,
  view: View<T>,
  items: readonly T[],
): Promise<boolean> {
  const withHeaders = options.headers !== false;
  switch (format.kind) {
    case 'table':
    case 'wide': {
      const columns = view.columns.filter((column) => format.kind === 'wide' || column.isWide !== true);
      const nowMs = terminal.nowMs();
      const rows = items.map((item) => columns.map(({ cell }) => cell(item, nowMs)));
      terminal.stdout(
        table(
          columns.map(({ header }) => header),
          rows,
          withHeaders,
        ),
      );
      return true;
    }
    case 'name':
      terminal.stdout(items.map((item) => `${view.name(item)}\n`).join(''));
      return true;
    case 'custom-columns': {
      const columns = customColumns(format.template);
      const rows = items.map((item) => columns.map(({ values }) => values(item).map(textOf).join(',')));
      terminal.stdout(
        table(
          columns.map(({ header }) => header),
          rows,
          withHeaders,
        ),
      );
      return true;
    }
    default:
      return false;
  }
}

async function printDocument(terminal: Terminal, format: Format, document: object): Promise<void> {
  switch (format.kind) {
    case 'jsonpath':
      return terminal.stdout(jsonPath(format.template)(document));
    case 'yaml':
      return terminal.stdout((await import('yaml')).stringify(document));
    default:
      return terminal.stdout(`${JSON.stringify(document, null, 2)}\n`);
  }
}

function customColumns(spec: string): readonly { header: string; values: (data: unknown) => readonly unknown[] }[] {
  return spec.split(',').map((column) => {
    const colon = column.indexOf(':');
    if (colon < 1) throw new ChainError('CLI_TEMPLATE', { template: spec, problem: `"${column}" is not HEADER:.path` });
    return { header: column.slice(0, colon), values: valuesAt(column.slice(colon + 1)) };
  });
}

/** By the value at a path; numbers by size, everything else as text. */
function sorted<T>(things: readonly T[], path: string): readonly T[] {
  const values = valuesAt(path);
  const keyed = things.map((thing) => ({ thing, key: values(thing)[0] ?? '' }));
  return keyed
    .sort(({ key: a }, { key: b }) => {
      if (typeof a === 'number' && typeof b === 'number') return a - b;
      const [left, right] = [textOf(a), textOf(b)];
      return left < right ? -1 : Number(left > right);
    })
    .map(({ thing }) => thing);
}
