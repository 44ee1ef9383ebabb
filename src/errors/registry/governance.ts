import { entry } from '../define.ts';

const READ_PROPOSAL = 'Read it with `kubectl chain proposals ID`.';

export const governanceErrors = {
  // Policies
  GOVERNANCE_POLICY_FIELD_UNKNOWN: entry<{ path: string }>(
    400,
    (p) => `the policy has an unknown field ${p.path}`,
    'Remove the field; nothing that is not understood is ignored.',
  ),
  GOVERNANCE_POLICY_FIELD_MISSING: entry<{ path: string }>(400, (p) => `the policy lacks ${p.path}`, 'Add the field.'),
  GOVERNANCE_POLICY_VALUE: entry<{ path: string; expected: string }>(
    400,
    (p) => `the policy's ${p.path} is not ${p.expected}`,
    'Correct the value.',
  ),
  GOVERNANCE_POLICY_DURATION: entry<{ path: string; text: string }>(
    400,
    (p) => `the policy's ${p.path} is "${p.text}", not a duration`,
    'Write a whole number and one unit: 90s, 30m, 24h; from 1s to 720h.',
  ),
  GOVERNANCE_POLICY_GLOB: entry<{ path: string; text: string }>(
    400,
    (p) => `the policy's ${p.path} is "${p.text}", not a pattern`,
    'Use letters, digits and `*`; a path pattern starts with `/`, its `*` is a part of one segment, `**` any number of segments.',
  ),
  GOVERNANCE_POLICY_NEVER_MET: entry<{ policy: string; reason: string }>(
    400,
    (p) => `the policy ${p.policy} could never be met: ${p.reason}`,
    'Lower what it requires or add organisations first.',
  ),
  GOVERNANCE_POLICY_NEVER_MATCHES: entry<{ policy: string; reason: string }>(
    400,
    (p) => `the policy ${p.policy} could never match: ${p.reason}`,
    'Leases, events, token and access reviews are never sent to the gate; match something else.',
  ),
  GOVERNANCE_POLICY_NAME: entry<{ name: string }>(
    400,
    (p) => `"${p.name}" is not a policy name`,
    'Use an RFC 1123 label other than `configuration`.',
  ),
  GOVERNANCE_TOO_MANY_POLICIES: entry<{ max: number }>(
    400,
    (p) => `there are ${p.max} policies already`,
    'Delete or merge policies first.',
  ),
  // Configuration
  GOVERNANCE_PARAMS: entry<{ name: string; value: number; min: number; max: number }>(
    400,
    (p) => `the parameter ${p.name} is ${p.value}, outside ${p.min} to ${p.max}`,
    'Choose a value within the floor and the cap.',
  ),
  GOVERNANCE_CONFIG_INVALID: entry<{ type: string; reason: string }>(
    400,
    (p) => `the configuration change ${p.type} is refused: ${p.reason}`,
    'Correct the change and propose it again.',
  ),
  GOVERNANCE_CONFIG_CONFLICT: entry<{ type: string; name: string }>(
    409,
    (p) => `${p.type} of ${p.name} names another version than the one in force`,
    'Read the present version and propose again.',
  ),
  // Making a proposal
  GOVERNANCE_CHANGE_REPEATED: entry<{ index: number }>(
    400,
    (p) => `change ${p.index} of the proposal stands there twice`,
    'Name each change once.',
  ),
  GOVERNANCE_PROPOSAL_EXISTS: entry<{ proposal: number }>(
    409,
    (p) => `proposal ${p.proposal} for the same change is not finished`,
    'Vote on that one, or withdraw it first.',
  ),
  GOVERNANCE_PROPOSALS_CAP: entry<{ who: string; max: number }>(
    429,
    (p) => `${p.who} has ${p.max} open proposals already`,
    'Settle or withdraw some of them first.',
  ),
  // Acting on a proposal
  GOVERNANCE_PROPOSAL_UNKNOWN: entry<{ proposal: number }>(
    404,
    (p) => `there is no proposal ${p.proposal}`,
    'List them with `kubectl chain proposals`.',
  ),
  GOVERNANCE_PROPOSAL_CLOSED: entry<{ proposal: number; state: string }>(
    409,
    (p) => `proposal ${p.proposal} is ${p.state}`,
    READ_PROPOSAL,
  ),
  GOVERNANCE_ROLE: entry<{ org: string; member: string; role: string }>(
    403,
    (p) => `${p.member} of ${p.org} does not have the role ${p.role}`,
    'Let a member with that role sign.',
  ),
  GOVERNANCE_CLAIM_NOT_POSSIBLE: entry<{ proposal: number; reason: string }>(
    409,
    (p) => `authorship of proposal ${p.proposal} cannot be claimed: ${p.reason}`,
    READ_PROPOSAL,
  ),
  GOVERNANCE_CLAIM_SEQUENCE: entry<{ proposal: number; sequence: number; last: number }>(
    409,
    (p) => `claim ${p.sequence} on proposal ${p.proposal} is not newer than ${p.last}`,
    'Use a higher sequence.',
  ),
  GOVERNANCE_CLAIM_MISSING: entry<{ proposal: number }>(
    409,
    (p) => `there is no claim of yours on proposal ${p.proposal} to take back`,
    READ_PROPOSAL,
  ),
  GOVERNANCE_WITHDRAWAL_NOT_POSSIBLE: entry<{ proposal: number; reason: string }>(
    403,
    (p) => `proposal ${p.proposal} cannot be withdrawn: ${p.reason}`,
    'Only who proposed it withdraws it, while it is open.',
  ),
  GOVERNANCE_POLICY_NOT_IN_FORCE: entry<{ digest: string }>(
    409,
    (p) => `no policy in force has the digest ${p.digest}`,
    'Read the policies that are in force and propose again.',
  ),
  GOVERNANCE_DETAILS: entry<{ proposal: number; part: string }>(
    409,
    (p) => `the body of proposal ${p.proposal} is not what the chain says of it: ${p.part} differs`,
    'Do not approve it: its proposer stated something else than it holds, or policies have changed since. Propose the change again.',
  ),
  // Ballots
  GOVERNANCE_BALLOT_STRANGER: entry<{ proposal: number; org: string }>(
    403,
    (p) => `${p.org} is not an elector of proposal ${p.proposal}`,
    'Electors are fixed when a proposal opens.',
  ),
  GOVERNANCE_BALLOT_EXCLUDED: entry<{ proposal: number; org: string; member: string }>(
    403,
    (p) => `${p.member} of ${p.org} is an author of proposal ${p.proposal} and does not vote on it`,
    'Let somebody else vote; authorship already counts where the organisation is required.',
  ),
  GOVERNANCE_BALLOT_LATE: entry<{ proposal: number; deadlineMs: number }>(
    409,
    (p) => `voting on proposal ${p.proposal} ended at ${p.deadlineMs}`,
    'Ask again: the next refusal opens a new instance.',
  ),
  GOVERNANCE_BALLOT_TERMS: entry<{ proposal: number }>(
    409,
    (p) => `the ballot is for other terms than those of proposal ${p.proposal}`,
    'Read the proposal again and sign what it says.',
  ),
  GOVERNANCE_BALLOT_REPEATED: entry<{ proposal: number; sequence: number }>(
    409,
    (p) => `there is already a ballot ${p.sequence} of yours on proposal ${p.proposal}`,
    'Use a higher sequence to change your vote.',
  ),
  GOVERNANCE_BALLOT_SUPERSEDED: entry<{ proposal: number; sequence: number; last: number }>(
    409,
    (p) => `ballot ${p.sequence} on proposal ${p.proposal} is older than ballot ${p.last}`,
    'Use a higher sequence to change your vote.',
  ),
  GOVERNANCE_BALLOT_IN_USE: entry<{ proposal: number }>(
    409,
    (p) => `an approval of proposal ${p.proposal} is being used: votes no longer change it`,
    READ_PROPOSAL,
  ),
  // Why a change was refused
  GOVERNANCE_VOTES_REQUIRED: entry<{ proposal: number | null }>(
    403,
    (p) => `the change needs votes: proposal ${p.proposal ?? '-'} was opened for it`,
    'Ask the organisations to vote, then repeat the change exactly.',
  ),
  GOVERNANCE_VOTES_MISSING: entry<{ proposal: number }>(
    403,
    (p) => `proposal ${p.proposal} does not have its votes yet`,
    'Wait for the votes, then repeat the change exactly.',
  ),
  GOVERNANCE_AUTHOR_UNKNOWN: entry<{ proposal: number }>(
    403,
    (p) => `nobody answers for the author of proposal ${p.proposal} yet`,
    'A member of the author claims it: `kubectl chain claim ID`.',
  ),
  GOVERNANCE_BODIES_MISSING: entry<{ proposal: number }>(
    403,
    (p) => `too few organisations hold what proposal ${p.proposal} is about`,
    'Check that the other nodes run and can fetch bodies; voting starts by itself then.',
  ),
  GOVERNANCE_APPROVAL_IN_USE: entry<{ proposal: number }>(
    403,
    (p) => `the approval of proposal ${p.proposal} is reserved for an earlier request`,
    'Wait until the observers report what became of it, at most two minutes.',
  ),
  GOVERNANCE_APPROVAL_OUTDATED: entry<{ proposal: number }>(
    403,
    (p) => `proposal ${p.proposal} was approved under other policies than those that match now`,
    'Propose the change again.',
  ),
  GOVERNANCE_NO_PROPOSAL_OPENED: entry<{ max: number }>(
    429,
    (p) => `the change needs votes, and ${p.max} proposals are open already`,
    'Settle open proposals, or propose the change yourself with `kubectl chain propose`.',
  ),
  // Why a proposal or a change ended
  GOVERNANCE_APPROVAL_IMPOSSIBLE: entry<{ proposal: number }>(
    409,
    (p) => `proposal ${p.proposal} can no longer get its votes`,
    'Ask again after the objections are settled.',
  ),
  GOVERNANCE_VETOED: entry<{ proposal: number }>(
    409,
    (p) => `proposal ${p.proposal} was vetoed`,
    'Read the reason in the vote.',
  ),
  GOVERNANCE_VOTING_OVER: entry<{ proposal: number }>(
    409,
    (p) => `voting on proposal ${p.proposal} ended without the votes it needs`,
    'Ask again: the next refusal opens a new instance.',
  ),
  GOVERNANCE_UNCLAIMED_TOO_LONG: entry<{ proposal: number }>(
    409,
    (p) => `nobody claimed proposal ${p.proposal} before voting ended`,
    'Propose the change yourself, or claim the next instance in time.',
  ),
  GOVERNANCE_BODIES_UNAVAILABLE: entry<{ proposal: number }>(
    409,
    (p) => `too few organisations got what proposal ${p.proposal} is about`,
    'Check the nodes, then ask again.',
  ),
  GOVERNANCE_PROPOSED_BY_PERSON: entry<{ proposal: number }>(
    409,
    (p) => `a person proposed the change of proposal ${p.proposal}`,
    'Vote on the newer proposal.',
  ),
  GOVERNANCE_MADE_ROOM: entry<{ proposal: number }>(
    409,
    (p) => `proposal ${p.proposal} was the oldest unclaimed one and made room for another`,
    'Claim or propose what matters; repeat the change for a new instance.',
  ),
  GOVERNANCE_SET_PENDING: entry<{ set: number }>(
    409,
    (p) => `validator set ${p.set} is not handed over yet`,
    'Wait until `kubectl chain validators` shows its handover, then try again.',
  ),
  GOVERNANCE_SET_CHANGE: entry<{ reason: string }>(
    409,
    (p) => `the validator set is not changed: ${p.reason}`,
    'Change one validator at a time, while the others take part.',
  ),
  GOVERNANCE_COMMITTEE_CHANGED: entry<{ proposal: number }>(
    409,
    (p) => `an organisation came or went while proposal ${p.proposal} was open`,
    'Ask again: the next refusal opens a new instance; a configuration is proposed again.',
  ),
  GOVERNANCE_POLICY_CHANGED: entry<{ proposal: number }>(
    409,
    (p) => `the policies that match proposal ${p.proposal} were changed`,
    'Ask again: the next refusal opens a new instance.',
  ),
  GOVERNANCE_WITHDRAWN: entry<{ proposal: number }>(
    409,
    (p) => `proposal ${p.proposal} was withdrawn`,
    'Propose it again if it is still wanted.',
  ),
  GOVERNANCE_TRANSITION: entry<{ from: string; to: string }>(
    500,
    (p) => `no way leads from ${p.from} to ${p.to}`,
    'This is a fault of the program: report it with the block height.',
  ),
} as const;
