import { ChainError } from '../../../src/errors/chain-error.ts';

type Step =
  | { readonly kind: 'field' | 'descend'; readonly name: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown };

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  | { readonly kind: 'range'; readonly steps: readonly Step[]; readonly body: readonly Part[] };

/** kubectl's JSONPath (kubernetes.io/docs/reference/kubectl/jsonpath): text, {.path}, {range}...{end}, ["quoted"], filters. */
export function jsonPath(template: string): (data: unknown) => string {
  const parts = new Parser(template).template(false);
  return (data) => render(parts, data);
}

/** Values at a path such as `.metadata.name` or `{.id}`. */
export function valuesAt(path: string): (data: unknown) => readonly unknown[] {
  const inner = /^\{(.*)\}$/s.exec(path)?.[1] ?? path;
  const steps = new Parser(inner).path(inner.startsWith('.') || inner.startsWith('[') ? inner : `.${inner}`);
  return (data) => select(steps, [data]);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function render(parts: readonly Part[], data: unknown): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const values = select(part.steps, [data]);
      if (part.kind === 'path') return values.map(textOf).join(' ');
      return values.map((value) => render(part.body, value)).join('');
    })
    .join('');
}

function select(steps: readonly Step[], values: readonly unknown[]): readonly unknown[] {
  return steps.reduce<readonly unknown[]>((found, step) => found.flatMap((value) => follow(step, value)), values);
}

function follow(step: Step, value: unknown): readonly unknown[] {
  switch (step.kind) {
    case 'field':
      return isRecord(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'descend':
      return [
        ...follow({ kind: 'field', name: step.name }, value),
        ...children(value).flatMap((child) => follow(step, child)),
      ];
    case 'all':
      return children(value);
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from, step.to) : [];
    case 'filter':
      return children(value).filter((child) => passes(step, child));
  }
}

function passes({ path, operator, value }: Extract<Step, { kind: 'filter' }>, child: unknown): boolean {
  const found = select(path, [child]);
  if (operator === '') return found.length > 0;
  return found.some((candidate) => {
    const [a, b] = [candidate as number, value as number];
    switch (operator) {
      case '==':
        return a === b;
      case '!=':
        return a !== b;
      case '<':
        return a < b;
      case '<=':
        return a <= b;
      case '>':
        return a > b;
      default:
        return a >= b;
    }
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  template(isInRange: boolean): readonly Part[] {
    const parts: Part[] = [];
    while (this.#at < this.#text.length) {
      const open = this.#text.indexOf('{', this.#at);
      if (open < 0) {
        parts.push({ kind: 'text', text: this.#text.slice(this.#at) });
        this.#at = this.#text.length;
        break;
      }
      if (open > this.#at) parts.push({ kind: 'text', text: this.#text.slice(this.#at, open) });
      const close = this.#closing(open);
      const inner = this.#text.slice(open + 1, close).trim();
      this.#at = close + 1;
      if (inner === 'end') {
        if (!isInRange) throw this.#fail('{end} without {range}');
        return parts;
      }
      const range = /^range\s+(.*)$/s.exec(inner)?.[1];
      if (range !== undefined) parts.push({ kind: 'range', steps: this.path(range), body: this.template(true) });
      else if (/^(["']).*\1$/s.test(inner)) parts.push({ kind: 'text', text: this.#unquote(inner) });
      else parts.push({ kind: 'path', steps: this.path(inner) });
    }
    if (isInRange) throw this.#fail('{range} without {end}');
    return parts;
  }

  path(text: string): readonly Step[] {
    const steps: Step[] = [];
    let rest = text.trim().replace(/^[$@]/, '');
    while (rest !== '') {
      const step = /^(\.\.?)(\*|(?:[^.[\]\\*]|\\.)+)/.exec(rest);
      if (step !== null) {
        const name = (step[2] ?? '').replaceAll(/\\(.)/g, '$1');
        if (name !== '*') steps.push({ kind: step[1] === '..' ? 'descend' : 'field', name });
        else steps.push({ kind: 'all' });
        rest = rest.slice(step[0].length);
        continue;
      }
      const bracket = /^\.?\[((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\]"'])*)\]/.exec(rest);
      if (bracket !== null) {
        steps.push(this.#bracket((bracket[1] ?? '').trim()));
        rest = rest.slice(bracket[0].length);
        continue;
      }
      if (rest === '.') break;
      throw this.#fail(`"${rest}" is not understood`);
    }
    return steps;
  }

  #bracket(inner: string): Step {
    if (inner === '*') return { kind: 'all' };
    if (/^(["']).*\1$/s.test(inner)) return { kind: 'field', name: this.#unquote(inner) };
    if (/^-?\d+$/.test(inner)) {
      const index = Number(inner);
      return { kind: 'slice', from: index, to: index === -1 ? undefined : index + 1 };
    }
    const slice = /^(-?\d*):(-?\d*)$/.exec(inner);
    const bound = (text: string | undefined): number | undefined =>
      text === undefined || text === '' ? undefined : Number(text);
    if (slice !== null) return { kind: 'slice', from: bound(slice[1]), to: bound(slice[2]) };
    const filter = /^\?\(\s*@(.*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?)\s*)?\)$/s.exec(inner);
    if (filter === null) throw this.#fail(`[${inner}] is not understood`);
    const [, path = '', operator = '', literal = ''] = filter;
    return {
      kind: 'filter',
      path: this.path(path),
      operator,
      value: operator === '' ? undefined : this.#literal(literal),
    };
  }

  #literal(text: string): unknown {
    if (/^(["']).*\1$/s.test(text)) return this.#unquote(text);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw this.#fail(`${text} is no value`);
    }
  }

  /** Position of the brace that closes the one at `open`; braces in quotes do not count. */
  #closing(open: number): number {
    let quote = '';
    for (let i = open + 1; i < this.#text.length; i += 1) {
      const character = this.#text.charAt(i);
      if (quote !== '') {
        if (character === '\\') i += 1;
        else if (character === quote) quote = '';
      } else if (character === '"' || character === "'") quote = character;
      else if (character === '}') return i;
    }
    throw this.#fail('a { is not closed');
  }

  #unquote(text: string): string {
    const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
    return text.slice(1, -1).replaceAll(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
  }

  #fail(problem: string): ChainError {
    return new ChainError('CLI_TEMPLATE', { template: this.#text.slice(0, 200), problem });
  }
}
