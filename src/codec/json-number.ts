import type { JsonNumberText } from '../types/json.ts';

/**
 * A number that no double holds exactly. Told apart by its class, never by its field: an object of the input may well
 * have a key `numberText`. Copies by spread or structuredClone lose the class and with it the meaning.
 */
class ExactNumber implements JsonNumberText {
  readonly numberText: string;

  constructor(numberText: string) {
    this.numberText = numberText;
    Object.freeze(this);
  }

  toString(): string {
    return this.numberText;
  }
}

export function isJsonNumberText(value: unknown): value is JsonNumberText {
  return value instanceof ExactNumber;
}

/** Longer than the longest exact decimal of a double (767 significant digits). */
export const NUMBER_CHARS_MAX = 1_100;
/** Nothing measures beyond it; bounds what a reader that expands digits would have to write. */
export const NUMBER_EXPONENT_MAX = 1_000_000;

/** value = 0.DIGITS x 10^point; DIGITS begins and ends with a non-zero digit, and is empty for zero. */
interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly point: number;
}

const JSON_NUMBER = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/**
 * The value of a JSON number text: a double if the double's shortest form denotes exactly this value (1, 1.0, 0.10,
 * 1e2), else an exact number in its one normal form. Undefined if the text is no JSON number or beyond the limits.
 */
export function exactNumber(text: string): number | JsonNumberText | undefined {
  const decimal = parseDecimal(text);
  if (decimal === undefined) return undefined;
  const normal = formatDecimal(decimal);
  const double = Number(text);
  if (normal === String(double)) return double;
  // Only zero has a sign that its canonical text does not show.
  if (decimal.digits === '') return double;
  return new ExactNumber(normal);
}

function parseDecimal(text: string): Decimal | undefined {
  if (text.length > NUMBER_CHARS_MAX) return undefined;
  const match = JSON_NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  const all = whole + fraction;
  let first = 0;
  while (first < all.length && all[first] === '0') first++;
  let last = all.length;
  while (last > first && all[last - 1] === '0') last--;
  const digits = all.slice(first, last);
  if (digits === '') return { negative: sign === '-', digits, point: 0 };
  if (Math.abs(exponent) > NUMBER_EXPONENT_MAX) return undefined;
  return { negative: sign === '-', digits, point: whole.length - first + exponent };
}

/** The layout of ECMA-262 Number::toString, which RFC 8785 section 3.2.2.3 prescribes, for any number of digits. */
function formatDecimal({ negative, digits, point }: Decimal): string {
  if (digits === '') return '0';
  const sign = negative ? '-' : '';
  const count = digits.length;
  if (count <= point && point <= 21) return `${sign}${digits}${'0'.repeat(point - count)}`;
  if (0 < point && point <= 21) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (-6 < point && point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  const exponent = point - 1;
  const mantissa = count === 1 ? digits : `${digits.slice(0, 1)}.${digits.slice(1)}`;
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}
