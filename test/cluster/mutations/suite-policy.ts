import { PREPARER } from './play.ts';

/** Two votes for whatever anybody but the preparer does in, or to, what begins like the governed half of a row. */
export const SUITE_POLICY = {
  clusters: ['*'],
  match: [{ namespaces: ['p-*'] }, { names: ['p-*', '*.p-*'] }],
  exclude: [
    { users: [PREPARER] },
    // Removing a namespace or a definition counts as removing whatever a policy without resources would protect in it: not in the free half.
    { names: ['m-*', '*.m-*'] },
  ],
  require: { approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: 'org' },
  binding: 'diff',
  deadlines: { voting: '24h', execution: '1h' },
} as const;
