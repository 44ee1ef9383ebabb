/** What each `soak-NAME.ts` exports: `soak` throws on the first broken promise, and resolves with figures. It builds and starts what it needs itself. */
export interface SoakPart {
  soak(): Promise<Readonly<Record<string, number | string>>>;
}

export function isSoakPart(module: unknown): module is SoakPart {
  return typeof module === 'object' && module !== null && 'soak' in module && typeof module.soak === 'function';
}
