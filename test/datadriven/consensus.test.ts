import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CoreDriver } from './consensus/core-driver.ts';
import { parseTranscript } from './consensus/transcript.ts';

const folder = new URL('./consensus/', import.meta.url);
const transcripts = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('a consensus core does what its transcript tells', () => {
  it.each(transcripts)('%s', (name) => {
    const steps = parseTranscript(readFileSync(new URL(name, folder), 'utf8'));
    expect(steps.length).toBeGreaterThan(1);
    const driver = new CoreDriver();
    for (const { line, comment, command, expected } of steps) {
      expect(driver.run(command), `${name}:${line} ${comment}\n  ${command}`).toBe(expected);
    }
  });
});
