/** A step of a transcript: the comment that says why, the command, and what must come out. */
export interface TranscriptStep {
  readonly line: number;
  readonly comment: string;
  readonly command: string;
  readonly expected: string;
}

/**
 * Blocks of `# comment` lines, one command line, `----`, the expected lines, and an empty line. A step without a comment is an error:
 * a transcript is read by people first. Throws an Error that names the line.
 */
export function parseTranscript(text: string): readonly TranscriptStep[] {
  const lines = text.split('\n');
  const steps: TranscriptStep[] = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at] === '') {
      at += 1;
      continue;
    }
    const comment: string[] = [];
    while (lines[at]?.startsWith('#') === true) comment.push((lines[at++] ?? '').slice(1).trim());
    const line = at + 1;
    const command = lines[at++];
    // A block of comments with nothing behind it is prose between steps.
    if (command === undefined || command === '') continue;
    if (comment.length === 0) throw new Error(`line ${line}: the step has no comment`);
    if (lines[at++] !== '----') throw new Error(`line ${line + 1}: ---- expected after the command`);
    const expected: string[] = [];
    while (at < lines.length && lines[at] !== '') expected.push(lines[at++] ?? '');
    steps.push({ line, comment: comment.join(' '), command, expected: expected.join('\n') });
  }
  return steps;
}
