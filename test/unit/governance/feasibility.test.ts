import { expect, test } from 'vitest';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { checkFeasible } from '../../../src/governance/feasibility.ts';
import { fullSpec, orgsOf, specOf } from './policy-fixtures.ts';

const four = orgsOf({ a: 2, b: 2, c: 2, d: 2 });

function verdict(require: object, orgs = four, more: object = {}): string {
  try {
    checkFeasible('p', specOf({ require: { ...fullSpec.require, ...require }, ...more }), orgs);
  } catch (error) {
    if (isChainError(error)) return error.code;
    throw error;
  }
  return 'feasible';
}

test.each([
  ['org', 3, 4],
  ['none', 4, 5],
  ['person', 4, 5],
])('excludeAuthor %s: %i of four can approve, %i cannot', (excludeAuthor, most, tooMany) => {
  expect(verdict({ excludeAuthor, approvals: most })).toBe('feasible');
  expect(verdict({ excludeAuthor, approvals: tooMany })).toBe('GOVERNANCE_POLICY_NEVER_MET');
});

test('where nobody can step aside, excluding a person excludes the organisation', () => {
  const lone = orgsOf({ a: 1, b: 1 });
  expect(verdict({ excludeAuthor: 'person', approvals: 2 }, lone)).toBe('GOVERNANCE_POLICY_NEVER_MET');
  expect(verdict({ excludeAuthor: 'person', approvals: 2 }, orgsOf({ a: 2, b: 1 }))).toBe('feasible');
});

test('an organisation that cannot vote by its own rule is no elector', () => {
  expect(verdict({ approvals: 1 }, orgsOf({ a: 1, b: 1 }, 2))).toBe('GOVERNANCE_POLICY_NEVER_MET');
});

test('the only organisation there is may approve its own changes', () => {
  expect(verdict({ approvals: 1 }, orgsOf({ a: 1 }))).toBe('feasible');
  expect(verdict({ approvals: 2 }, orgsOf({ a: 1 }))).toBe('GOVERNANCE_POLICY_NEVER_MET');
});

test.each(['requiredOrgs', 'veto'])('%s must name organisations that vote', (field) => {
  expect(verdict({ [field]: ['a'] })).toBe('feasible');
  expect(verdict({ [field]: ['x'] })).toBe('GOVERNANCE_POLICY_NEVER_MET');
  expect(verdict({ [field]: ['a'], approvals: 1 }, orgsOf({ a: 0, b: 1, c: 1 }))).toBe('GOVERNANCE_POLICY_NEVER_MET');
});

test.each([
  ['coordination.k8s.io', 'leases'],
  ['', 'events'],
  ['events.k8s.io', 'events'],
  ['authentication.k8s.io', 'tokenreviews'],
  ['authorization.k8s.io', '*'],
])('a policy on nothing but %s/%s is refused, since the gate never sees it', (group, resource) => {
  const never = { resources: [{ group, resource }] };
  expect(verdict({}, four, { match: [never] })).toBe('GOVERNANCE_POLICY_NEVER_MATCHES');
  expect(verdict({}, four, { match: [never, {}] })).toBe('feasible');
  const both = {
    resources: [
      { group, resource },
      { group: '', resource: 'pods' },
    ],
  };
  expect(verdict({}, four, { match: [both] })).toBe('feasible');
});

test('a policy that excludes everything is refused', () => {
  expect(verdict({}, four, { exclude: [{}] })).toBe('GOVERNANCE_POLICY_NEVER_MATCHES');
});
