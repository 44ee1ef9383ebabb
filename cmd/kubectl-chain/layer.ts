/** One layer of the protection. `required`: what should hold everywhere; the others make a bypass harder, or its finding surer. */
export interface LayerJson {
  readonly layer: string;
  readonly state: 'ok' | 'missing' | 'unknown';
  readonly required: boolean;
  readonly found: string;
  /** What this layer leaves open, even where it is there. */
  readonly notCovered: string;
}
