/** The state machine finds that no policy matches anything. */
import { replaceSource } from './replace-source.ts';

replaceSource(
  '/src/governance/match.ts',
  'return policies.filter((policy) => policyMatches(policy.spec, change));',
  'return policies.filter((policy) => policyMatches(policy.spec, change) && false);',
);
