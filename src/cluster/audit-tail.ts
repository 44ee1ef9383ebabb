import { open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';

const everyMs = 500;
const chunkBytes = 1024 * 1024;
/** One audit event at level RequestResponse may hold two objects; a longer line is skipped. */
const lineCharsMax = 16 * 1024 * 1024;

interface Deps {
  readonly file: string;
  /** Where a former process stopped; null for the end of the file. */
  readonly from: AuditPosition | null;
  readonly onLine: (line: string) => void;
  /** Everything before was handed over. */
  readonly onPosition: (position: AuditPosition) => void;
  readonly warn: (message: string, details: object) => void;
}

export interface AuditPosition {
  /** Inode: another one is another file, read from its start. */
  readonly inode: number;
  readonly offset: number;
}

/** Follows the API server's audit log, one JSON event a line, over rotations. */
export class AuditTail {
  readonly #d: Deps;
  #position: AuditPosition | null;
  #rest = '';
  #decoder = new StringDecoder('utf8');
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #isReading = false;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#position = deps.from;
  }

  /** True while the file is there and is read. */
  get isReading(): boolean {
    return this.#isReading;
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      await this.#read();
      this.#isReading = true;
    } catch (error) {
      if (this.#isReading) this.#d.warn('the audit log cannot be read', { reason: (error as Error).message });
      this.#isReading = false;
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), everyMs);
  }

  async #read(): Promise<void> {
    const { ino: inode, size } = await stat(this.#d.file);
    this.#position ??= { inode, offset: size };
    if (this.#position.inode !== inode || this.#position.offset > size) {
      this.#position = { inode, offset: 0 };
      this.#rest = '';
      this.#decoder = new StringDecoder('utf8');
    }
    if (this.#position.offset === size) return;
    const file = await open(this.#d.file, 'r');
    try {
      const buffer = Buffer.alloc(chunkBytes);
      for (let offset = this.#position.offset; ;) {
        const { bytesRead } = await file.read(buffer, 0, chunkBytes, offset);
        if (bytesRead === 0) break;
        offset += bytesRead;
        this.#position = { inode, offset };
        this.#take(this.#decoder.write(buffer.subarray(0, bytesRead)));
      }
    } finally {
      await file.close();
    }
    // What is not a whole line yet is read again by the next process.
    this.#d.onPosition({ inode, offset: this.#position.offset - Buffer.byteLength(this.#rest) });
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > lineCharsMax) this.#rest = '';
    for (const line of lines) if (line !== '') this.#d.onLine(line);
  }
}
