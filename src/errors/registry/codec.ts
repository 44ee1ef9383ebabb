import { entry } from '../define.ts';

export const codecErrors = {
  JSON_SYNTAX: entry<{ offset: number; expected: string }>(400, (p) => `not valid JSON at byte ${p.offset}: expected ${p.expected}`, 'Send well-formed UTF-8 JSON.'),
} as const;
