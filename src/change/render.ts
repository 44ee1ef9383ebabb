import { canonicalText, isJsonNumberText } from '../codec/index.ts';
import type { Json } from '../types/json.ts';
import type { VerifiedBody } from './body.ts';
import type { Change, ElementKey, Segment } from './difference.ts';
import { isList, isObject } from './json.ts';
import { pointerOf } from './paths.ts';
import { isRedacted } from './redact.ts';

/** Lines of unchanged text around a change inside a multi-line value. */
const CONTEXT_LINES = 2;

/**
 * The change as lines for a terminal: `@@` names a path, `-` and `+` what was and will be there, in YAML; a whole object
 * is all `+` or all `-`. Text comes from whoever asked for the change: control and direction characters are escaped, so
 * that no value can draw over another line.
 */
export function renderDiff({ whole, changes }: VerifiedBody): readonly string[] {
  if (whole.old !== null && whole.new !== null) return changes.flatMap(renderChange);
  if (whole.new !== null) return yamlOf(whole.new, '').map((line) => `+ ${line}`);
  const options = whole.options === '{}' ? [] : [`@@ options ${safe(whole.options)}`];
  return [...options, ...yamlOf(whole.old ?? {}, '').map((line) => `- ${line}`)];
}

function renderChange(change: Change): readonly string[] {
  const title = `@@ ${safe(titleOf(change.path))}`;
  if ('order' in change) {
    return [`${title} (order)`, `- ${keyList(change.order.old)}`, `+ ${keyList(change.order.new)}`];
  }
  if ('added' in change) {
    const placed = change.added.filter(({ before }) => before !== null);
    return placed.map(
      ({ key, before }) => `@@ ${safe(titleOf(change.path))}: ${keyText(key)} goes before ${keyText(before ?? {})}`,
    );
  }
  const { old, new: changed } = change;
  if (typeof old === 'string' && typeof changed === 'string' && (old.includes('\n') || changed.includes('\n'))) {
    return [title, ...lineDiff(old.split('\n'), changed.split('\n'))];
  }
  return [
    title,
    ...(old === undefined ? [] : yamlOf(old, '').map((line) => `- ${line}`)),
    ...(changed === undefined ? [] : yamlOf(changed, '').map((line) => `+ ${line}`)),
  ];
}

function titleOf(path: readonly Segment[]): string {
  return path.length === 0 ? '/' : pointerOf(path);
}

function keyText(key: ElementKey): string {
  return safe(pointerOf([key]).slice(1));
}

function keyList(keys: readonly ElementKey[]): string {
  return keys.map(keyText).join(' ');
}

/** What lies between the common beginning and the common end: linear, and exact about every line it shows. */
function lineDiff(old: readonly string[], changed: readonly string[]): readonly string[] {
  const shorter = Math.min(old.length, changed.length);
  let head = 0;
  while (head < shorter && old[head] === changed[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === changed.at(-1 - tail)) tail++;
  const from = Math.max(0, head - CONTEXT_LINES);
  const oldEnd = old.length - tail;
  return [
    ...old.slice(from, head).map((line) => `  ${safe(line)}`),
    ...old.slice(head, oldEnd).map((line) => `- ${safe(line)}`),
    ...changed.slice(head, changed.length - tail).map((line) => `+ ${safe(line)}`),
    ...old.slice(oldEnd, oldEnd + CONTEXT_LINES).map((line) => `  ${safe(line)}`),
  ];
}

function yamlOf(value: Json, indent: string): readonly string[] {
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.keys(value)
      .sort()
      .flatMap((key) => memberLines(`${indent}${scalar(key)}:`, value[key] as Json, indent));
  }
  if (isList(value) && value.length > 0) {
    return value.flatMap((element) => {
      const lines = yamlOf(element, `${indent}  `);
      return [`${indent}- ${(lines[0] ?? '').slice(indent.length + 2)}`, ...lines.slice(1)];
    });
  }
  return [indent + scalar(value)];
}

function memberLines(start: string, value: Json, indent: string): readonly string[] {
  if (typeof value === 'string' && value.includes('\n')) {
    return [`${start} |`, ...value.split('\n').map((line) => `${indent}  ${safe(line)}`)];
  }
  const isNested = (isObject(value) && Object.keys(value).length > 0) || (isList(value) && value.length > 0);
  if (!isNested) return [`${start} ${scalar(value)}`];
  return [start, ...yamlOf(value, isList(value) ? indent : `${indent}  `)];
}

/** Texts that YAML would read as something else. */
const PLAIN = /^[A-Za-z_/.][A-Za-z0-9_/.@+-]*$/;
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n|~|\.inf|\.nan)$/i;

function scalar(value: Json): string {
  // Shown in full: a value that only looks redacted must not be able to hide behind the mark.
  if (isRedacted(value)) return value as string;
  if (isJsonNumberText(value)) return value.numberText;
  if (typeof value !== 'string') return safe(canonicalText(value));
  return PLAIN.test(value) && !RESERVED.test(value) ? value : safe(JSON.stringify(value));
}

/** Controls, line separators, and what turns the direction of writing or is not seen at all. */
const UNSAFE_RANGES: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

function safe(text: string): string {
  let result = '';
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    result += UNSAFE_RANGES.some(([from, to]) => from <= point && point <= to)
      ? `\\u{${point.toString(16)}}`
      : character;
  }
  return result;
}
