/** What plain YAML can hold. */
export type PlainYaml = string | null | readonly PlainYaml[] | { readonly [key: string]: PlainYaml };

const mappingLine = /^([A-Za-z][A-Za-z0-9_./-]*):(?: (.+))?$/;
/** Text without spaces, quotes and marks that mean something elsewhere in YAML. */
const plainText = /^[A-Za-z0-9/][A-Za-z0-9/+=_.@:-]*$/;
const quotedText = /^"([^"\\]*)"$/;
/** What YAML's core schema may take for something else than text. */
const noText = /^(?:true|false|null|[0-9.]+(?:e[+-]?[0-9]+)?|0[ox].*)$/i;
/** Line breaks other than \n, and what no YAML may hold. */
const strange = /[^\n\x20-\x7e]/;

/**
 * The files that a command reads each time, kubeconfig and config.yaml, as kubectl and we write them: block mappings and lists of plain or quoted words, and literal
 * blocks. Undefined for anything else, and for whatever is not certain: that is for the YAML library, whose first document costs a command some 10 ms.
 */
export function plainYaml(text: string): PlainYaml | undefined {
  if (strange.test(text) || !text.endsWith('\n')) return undefined;
  const reading = new Reading(text.split('\n'));
  try {
    const value = reading.block(0);
    return reading.isAtEnd ? value : undefined;
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

class NotPlain extends Error {}

class Reading {
  readonly #lines: string[];
  #at = 0;

  constructor(lines: string[]) {
    this.#lines = lines;
    this.#skipEmpty();
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#lines.length;
  }

  /** What begins at this line, which has exactly this indentation. */
  block(indent: number): PlainYaml {
    if (this.#indent() !== indent) throw new NotPlain();
    return this.#isItem(indent) ? this.#list(indent) : this.#mapping(indent);
  }

  #list(indent: number): PlainYaml {
    const items: PlainYaml[] = [];
    while (this.#indent() === indent && this.#isItem(indent)) {
      const rest = this.#line().slice(indent + 2);
      if (mappingLine.test(rest)) {
        // The first line of a mapping that is indented by the mark of its item.
        this.#lines[this.#at] = `${' '.repeat(indent + 2)}${rest}`;
        items.push(this.#mapping(indent + 2));
      } else {
        items.push(scalarOf(rest));
        this.#next();
      }
    }
    if (this.#indent() > indent) throw new NotPlain();
    return items;
  }

  #mapping(indent: number): PlainYaml {
    const fields: Record<string, PlainYaml> = {};
    while (this.#indent() === indent && !this.#isItem(indent)) {
      const [, key, value] = mappingLine.exec(this.#line().slice(indent)) ?? [];
      if (key === undefined || noText.test(key) || Object.hasOwn(fields, key)) throw new NotPlain();
      this.#next();
      fields[key] = this.#valueOf(value, indent);
    }
    if (this.#indent() > indent) throw new NotPlain();
    return fields;
  }

  #valueOf(text: string | undefined, indent: number): PlainYaml {
    if (text === '|') return this.#literal(indent);
    if (text !== undefined) return scalarOf(text);
    const below = this.#indent();
    if (below > indent) return this.block(below);
    // A list may stand as deep as the key that it belongs to.
    return below === indent && this.#isItem(indent) ? this.#list(indent) : null;
  }

  /** Lines up to the first one that is less indented, without their indentation; empty ones at the end do not count. */
  #literal(outside: number): string {
    // Nothing was skipped: an empty line at the beginning would count.
    const indent = this.#indent();
    if (indent <= outside || this.#lines[this.#at - 1] === '') throw new NotPlain();
    const found: string[] = [];
    for (; !this.isAtEnd; this.#at += 1) {
      const line = this.#line();
      if (line !== '' && indentOf(line) < indent) break;
      if (line.trim() === '' && line !== '') throw new NotPlain();
      found.push(line.slice(indent));
    }
    if (this.#indent() > outside) throw new NotPlain();
    return `${found.join('\n').replace(/\n+$/, '')}\n`;
  }

  #line(): string {
    return this.#lines[this.#at] ?? '';
  }

  /** -1 at the end. */
  #indent(): number {
    return this.isAtEnd ? -1 : indentOf(this.#line());
  }

  #isItem(indent: number): boolean {
    return this.#line().startsWith('- ', indent);
  }

  #next(): void {
    this.#at += 1;
    this.#skipEmpty();
  }

  #skipEmpty(): void {
    while (!this.isAtEnd && this.#line() === '') this.#at += 1;
  }
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function scalarOf(text: string): PlainYaml {
  if (text === '{}') return {};
  if (text === '[]') return [];
  const quoted = quotedText.exec(text)?.[1];
  if (quoted !== undefined) return quoted;
  if (!plainText.test(text) || text.endsWith(':') || noText.test(text)) throw new NotPlain();
  return text;
}
