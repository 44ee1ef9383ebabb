/** The node attests the content that was approved, whatever the API server showed it of the object `swapped`. */
import { replaceSource } from './replace-source.ts';

replaceSource(
  '/src/change/attest.ts',
  'export function attest(review: Review, context: AttestContext): AttestedChange {',
  `export function attest(shown: Review, context: AttestContext): AttestedChange {
  const review = shown.name === 'swapped' ? { ...shown, object: { ...shown.object, data: { key: 'approved' } } } : shown;`,
);
