import { entry } from '../define.ts';

/** Where in a document, and what stands there. */
interface At {
  readonly path: string;
}

const REGENERATE = 'The bytes were altered or made by something else: get them again from their origin.';
const FIX_GENESIS = 'Correct the genesis file at the named path; all organisations must use the same file.';
const ASK_ANOTHER = 'The node that sent this lies or is broken: ask another one, and report it.';

/** Formats and primitives of the ledger. What executing a transaction can answer stands below in its own group. */
export const ledgerErrors = {
  // Anything signed or hashed
  LEDGER_VERSION: entry<{ what: string; version: string }>(
    400,
    (p) => `unknown version ${p.version} of ${p.what}`,
    'Use a program that knows this version; unknown versions are refused, not guessed.',
  ),
  LEDGER_ALGORITHM: entry<{ what: string; algorithm: string }>(
    400,
    (p) => `unknown signature algorithm ${p.algorithm} in ${p.what}`,
    'Sign with ed25519, the only algorithm of this format version.',
  ),
  LEDGER_NOT_CANONICAL: entry<{ what: string }>(
    400,
    (p) => `the bytes of ${p.what} are not in canonical form (RFC 8785)`,
    'Encode with RFC 8785: sorted keys, no spaces, shortest numbers.',
  ),

  // Transactions
  LEDGER_TX_TOO_LARGE: entry<{ bytes: number; bytesMax: number }>(
    413,
    (p) => `a transaction of ${p.bytes} bytes is over the limit of ${p.bytesMax}`,
    'Split the proposal, or keep bulk data in the body, which is stored off the chain.',
  ),
  LEDGER_TX_SIGNATURES: entry<{ count: number }>(
    400,
    (p) => `a transaction carries exactly one signature, this one has ${p.count}`,
    'Send one envelope for each signer.',
  ),
  LEDGER_TX_SIGNATURE_FORM: entry<{ field: string }>(
    400,
    (p) => `the signature's ${p.field} is malformed`,
    'keyid is the SHA-256 of the raw public key in lowercase hexadecimal, sig the 64 bytes of Ed25519.',
  ),
  LEDGER_TX_KIND: entry<{ payloadType: string; kind: string }>(
    400,
    (p) => `payload type ${p.payloadType} does not carry a transaction of kind ${p.kind}`,
    'Use the payload type of the kind; unknown kinds are refused.',
  ),
  LEDGER_TX_SUBJECT: entry<{ expected: string; found: string }>(
    400,
    (p) => `the statement's subject is ${p.found}, but its predicate says ${p.expected}`,
    'Compute the subject from the attestation: statement and predicate must name the same change.',
  ),
  LEDGER_TX_KEY: entry<{ keyId: string }>(
    403,
    (p) => `the envelope names key ${p.keyId}, which is not the signer's`,
    'Sign with the key that is registered for this node or member.',
  ),
  LEDGER_TX_SIGNATURE: entry<{ keyId: string }>(
    403,
    (p) => `the signature by key ${p.keyId} does not verify`,
    'Sign the DSSE pre-authentication encoding of exactly this payload.',
  ),

  // Leaves
  LEDGER_LEAF_TOO_LARGE: entry<{ bytes: number; bytesMax: number }>(
    413,
    (p) => `a leaf of ${p.bytes} bytes is over the limit of ${p.bytesMax}`,
    'Keep the transaction smaller; a log entry holds at most 65,535 bytes.',
  ),

  // Blocks and certificates
  LEDGER_BLOCK_TOO_LARGE: entry<{ what: string; value: number; max: number }>(
    413,
    (p) => `a block with ${p.what} ${p.value} is over the limit of ${p.max}`,
    'The proposer must fill blocks within the governed limits.',
  ),
  LEDGER_BLOCK_TX_ROOT: entry<{ height: number }>(
    400,
    (p) => `the transactions of block ${p.height} do not have the root that its header names`,
    REGENERATE,
  ),
  LEDGER_BLOCK_LAST_CERTIFICATE: entry<{ height: number; detail: string }>(
    400,
    (p) => `the last certificate inside block ${p.height} does not fit: ${p.detail}`,
    REGENERATE,
  ),
  LEDGER_CERTIFICATE_FORM: entry<{ detail: string }>(400, (p) => `malformed certificate: ${p.detail}`, REGENERATE),
  LEDGER_CERTIFICATE_VALIDATOR: entry<{ validator: number; validators: number }>(
    400,
    (p) => `the certificate names validator ${p.validator} of a set of ${p.validators}`,
    ASK_ANOTHER,
  ),
  LEDGER_CERTIFICATE_QUORUM: entry<{ signatures: number; validators: number }>(
    400,
    (p) => `${p.signatures} signatures are no quorum of ${p.validators} validators`,
    ASK_ANOTHER,
  ),
  LEDGER_CERTIFICATE_SIGNATURE: entry<{ validator: string; height: number }>(
    400,
    (p) => `the precommit of ${p.validator} at height ${p.height} does not verify`,
    ASK_ANOTHER,
  ),

  // Merkle log
  LEDGER_TREE_NODE_MISSING: entry<{ level: number; index: number }>(
    500,
    (p) => `the log's tree has no node ${p.level}/${p.index}`,
    'Run chain-node fsck: the stored tree is incomplete.',
  ),
  LEDGER_TREE_RANGE: entry<{ detail: string }>(
    400,
    (p) => `no such proof: ${p.detail}`,
    'Ask for an index and sizes that the log has.',
  ),
  LEDGER_INCLUSION: entry<{ index: number; size: number; detail: string }>(
    400,
    (p) => `leaf ${p.index} is not proven to be in the log of size ${p.size}: ${p.detail}`,
    ASK_ANOTHER,
  ),
  LEDGER_CONSISTENCY: entry<{ from: number; to: number; detail: string }>(
    400,
    (p) => `the log of size ${p.to} is not proven to continue the one of size ${p.from}: ${p.detail}`,
    'History was rewritten, or a node lies: keep both checkpoints as evidence and ask other nodes.',
  ),

  // State tree
  LEDGER_STATE_KEY: entry<{ key: string }>(
    500,
    (p) => `not a state key: ${JSON.stringify(p.key)}`,
    'State keys are 1 to 512 printable ASCII characters; build them with stateKey.',
  ),
  LEDGER_STATE_VALUE: entry<{ key: string; bytes: number; bytesMax: number }>(
    500,
    (p) => `the value of state key ${p.key} has ${p.bytes} bytes, over the limit of ${p.bytesMax}`,
    'Keep bulk data off the chain.',
  ),
  LEDGER_STATE_BUCKET: entry<{ bucket: number; detail: string }>(
    500,
    (p) => `state bucket ${p.bucket} is malformed: ${p.detail}`,
    'Run chain-node fsck: the stored state is damaged.',
  ),
  LEDGER_STATE_OVERLAY: entry<{ detail: string }>(
    500,
    (p) => `a state overlay was used wrongly: ${p.detail}`,
    'Execute the block again on top of the committed state.',
  ),
  LEDGER_SNAPSHOT: entry<{ height: number; detail: string }>(
    400,
    (p) => `the snapshot of height ${p.height} is refused: ${p.detail}`,
    'The peer that sent it is faulty; another one is asked.',
  ),
  LEDGER_STATE_MOVED: entry<{ bucket: number }>(
    503,
    (p) => `state bucket ${p.bucket} is being committed`,
    'Ask again: a block is written at this moment. If it stays so, run chain-node fsck.',
  ),
  LEDGER_STATE_PROOF: entry<{ key: string; detail: string }>(
    400,
    (p) => `the state of ${p.key} is not proven: ${p.detail}`,
    ASK_ANOTHER,
  ),

  // Certified heads and records
  LEDGER_HEAD_CHAIN: entry<{ expected: string; found: string }>(
    400,
    (p) => `the head belongs to chain ${p.found}, not to ${p.expected}`,
    'The node serves another chain: correct the endpoint or the pinned genesis.',
  ),
  LEDGER_HEAD_VALIDATORS: entry<{ height: number }>(
    400,
    (p) => `the head at height ${p.height} names another validator set than the trusted one`,
    'Walk the handovers from the last trusted head to this one.',
  ),
  LEDGER_HEAD_MISMATCH: entry<{ height: number; field: string }>(
    400,
    (p) => `header and certificate of height ${p.height} disagree on ${p.field}`,
    ASK_ANOTHER,
  ),
  LEDGER_HEAD_STATE: entry<{ height: number }>(
    400,
    (p) => `log size, log root and state root do not make up the app hash of height ${p.height}`,
    ASK_ANOTHER,
  ),
  LEDGER_RECORD_MISMATCH: entry<{ index: number; field: string }>(
    400,
    (p) => `the leaf proven at index ${p.index} contradicts its own ${p.field}`,
    ASK_ANOTHER,
  ),

  // Checkpoints
  LEDGER_NOTE_FORM: entry<{ detail: string }>(
    400,
    (p) => `malformed signed note: ${p.detail}`,
    'The note must follow c2sp.org/signed-note: text, an empty line, signature lines.',
  ),
  LEDGER_CHECKPOINT_FORM: entry<{ detail: string }>(
    400,
    (p) => `malformed checkpoint: ${p.detail}`,
    'A checkpoint has exactly three lines: origin, size, root (c2sp.org/tlog-checkpoint).',
  ),
  LEDGER_CHECKPOINT_ORIGIN: entry<{ expected: string; found: string }>(
    400,
    (p) => `the checkpoint is of ${p.found}, not of ${p.expected}`,
    'The node serves another chain: correct the endpoint or the pinned genesis.',
  ),
  LEDGER_CHECKPOINT_SIGNATURE: entry<{ name: string; detail: string }>(
    400,
    (p) => `the checkpoint's signature line of ${p.name} is bad: ${p.detail}`,
    ASK_ANOTHER,
  ),
  LEDGER_CHECKPOINT_QUORUM: entry<{ signatures: number; validators: number }>(
    400,
    (p) => `the checkpoint is signed by ${p.signatures} of ${p.validators} validators, which is no quorum`,
    'Ask another node, or wait until more validators have signed.',
  ),

  LEDGER_TLOG_PROOF_FORM: entry<{ detail: string }>(
    400,
    (p) => `malformed proof file: ${p.detail}`,
    'The file must follow c2sp.org/tlog-proof: export it again.',
  ),

  // Genesis, one code a rule
  LEDGER_GENESIS_NAME: entry<At & { name: string }>(
    400,
    (p) => `${p.path}: ${JSON.stringify(p.name)} is not an RFC 1123 label (a-z, 0-9, '-', at most 63)`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_DUPLICATE: entry<At & { value: string; first: string }>(
    400,
    (p) => `${p.path}: ${p.value} stands already at ${p.first}`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_VALIDATORS: entry<At & { count: number; max: number }>(
    400,
    (p) => `${p.path}: ${p.count} validators, but a chain has 1 to ${p.max}`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_VALIDATOR_ID: entry<At & { id: string; org: string }>(
    400,
    (p) => `${p.path}: validator ${p.id} must be named like its organisation ${p.org}`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_ORG_WITHOUT_VALIDATOR: entry<At & { org: string }>(
    400,
    (p) => `${p.path}: organisation ${p.org} has no validator, and each has exactly one`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_UNKNOWN_ORG: entry<At & { org: string }>(
    400,
    (p) => `${p.path}: there is no organisation ${p.org}`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_ADDRESS: entry<At & { value: string }>(
    400,
    (p) => `${p.path}: ${JSON.stringify(p.value)} is not an address of the form that belongs here`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_KEY_WEAK: entry<At>(
    400,
    (p) => `${p.path}: not a registrable Ed25519 key (canonical, of large order, torsion-free)`,
    'Make the key anew with chain-node keygen or kubectl chain keys generate.',
  ),
  LEDGER_GENESIS_KEY_REUSED: entry<At & { first: string }>(
    400,
    (p) => `${p.path}: the key is used already at ${p.first}; every person and purpose has a key of its own`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_VOTES_REQUIRED: entry<At & { votesRequired: number; voters: number }>(
    400,
    (p) => `${p.path}: ${p.votesRequired} equal choices are required, but ${p.voters} members may vote`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_HOOK_EMPTY: entry<At>(400, (p) => `${p.path}: a hook needs at least one organisation`, FIX_GENESIS),
  LEDGER_GENESIS_HOOK_OVERLAP: entry<At & { org: string; first: string }>(
    400,
    (p) => `${p.path}: organisation ${p.org} answers ${p.first} already; the groups must be disjoint`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_UNKNOWN_CLUSTER: entry<At & { cluster: string }>(
    400,
    (p) => `${p.path}: there is no cluster ${p.cluster}`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_UNKNOWN_MEMBER: entry<At & { org: string; member: string }>(
    400,
    (p) => `${p.path}: organisation ${p.org} has no member ${p.member}`,
    FIX_GENESIS,
  ),
  LEDGER_GENESIS_PARAMETER: entry<At & { value: number; floor: number; cap: number }>(
    400,
    (p) => `${p.path}: ${p.value} is outside ${p.floor} to ${p.cap}`,
    FIX_GENESIS,
  ),

  // Executing a transaction
  LEDGER_TX_CHAIN: entry<{ expected: string; found: string }>(
    400,
    (p) => `the transaction is for chain ${p.found}, this is ${p.expected}`,
    'Send it to a node of its own chain.',
  ),
  LEDGER_SIGNER_UNKNOWN: entry<{ signer: string }>(
    403,
    (p) => `${p.signer} is not registered`,
    'Check the names of organisation and member, or register the key by a vote.',
  ),
  LEDGER_EXPIRED: entry<{ notAfterMs: number; timeMs: number }>(
    409,
    (p) => `valid until ${p.notAfterMs}, and it is ${p.timeMs}`,
    'It had no effect. Check the clock, and send a new one.',
  ),
  LEDGER_NOT_AFTER_TOO_FAR: entry<{ notAfterMs: number; maxMs: number }>(
    400,
    (p) => `valid until ${p.notAfterMs}, but at most until ${p.maxMs} is allowed`,
    'Check the clock; choose a nearer notAfterMs.',
  ),
  LEDGER_DUPLICATE: entry<{ tx: string; leaf: number }>(
    409,
    (p) => `transaction ${p.tx} is recorded already in leaf ${p.leaf}`,
    'Nothing is to be done: read that leaf.',
  ),
  LEDGER_CONFLICT: entry<{ tx: string; leaf: number }>(
    409,
    (p) => `transaction ${p.tx} differs from the one with the same key in leaf ${p.leaf}`,
    'Use a new sequence or nonce if this is another act.',
  ),
  LEDGER_SPOOL: entry<{ node: string; next: number; found: number }>(
    409,
    (p) => `entry ${p.next} of this spool of ${p.node} comes next, not ${p.found}, or it does not follow what is there`,
    'The node reads how far its spool is in the log and goes on from there. If it does not, two processes use one key, or its spool was altered.',
  ),
  LEDGER_CLUSTER_UNKNOWN: entry<{ cluster: string }>(
    404,
    (p) => `there is no cluster ${p.cluster}`,
    'Register the cluster by a vote first.',
  ),
  LEDGER_CLUSTER_KEY: entry<{ cluster: string; expected: string; found: string }>(
    409,
    (p) =>
      `the change was canonicalised under key ${p.found || '-'}, cluster ${p.cluster} uses ${p.expected || 'none yet'}`,
    'The node gets the key from the other nodes of the cluster; try again then.',
  ),
  LEDGER_CLUSTER_KEY_SET: entry<{ cluster: string }>(
    409,
    (p) => `cluster ${p.cluster} has a key already`,
    'Get that key from a node of the cluster.',
  ),
  LEDGER_NOT_THE_KEY_MAKER: entry<{ cluster: string; node: string }>(
    403,
    (p) => `${p.node} does not make the key of cluster ${p.cluster}`,
    'The node of the first organisation of the first hook makes it.',
  ),
  LEDGER_NOT_A_HOOK: entry<{ cluster: string; node: string }>(
    403,
    (p) => `${p.node} answers for no hook of cluster ${p.cluster}`,
    'Name its organisation in a hook group by a vote.',
  ),
  LEDGER_NOT_AN_OBSERVER: entry<{ cluster: string; node: string }>(
    403,
    (p) => `${p.node} is no observer of cluster ${p.cluster}`,
    'Name its organisation as observer by a vote.',
  ),
  LEDGER_FINDING_EPISODE: entry<{ finding: string; episode: number; expected: number }>(
    409,
    (p) => `${p.finding} is at episode ${p.expected}, not ${p.episode}`,
    'Read the latest finding of this kind and subject and sign for that episode.',
  ),
  LEDGER_FINDING_CLOSED: entry<{ finding: string }>(
    409,
    (p) => `${p.finding} is not open`,
    'A finding that is closed stays so; what is found again is a new one.',
  ),
  LEDGER_FINDINGS_CAP: entry<{ cluster: string; max: number }>(
    429,
    (p) => `${p.max} findings of cluster ${p.cluster} are open already`,
    'Ratify or repair what is open.',
  ),
  LEDGER_GUARD: entry<{ cluster: string; reason: string }>(
    409,
    (p) => `the sighting of the hooks of cluster ${p.cluster} is of no use: ${p.reason}`,
    'Nothing is to be done.',
  ),
  LEDGER_REFUSALS: entry<{ node: string; reason: string }>(
    409,
    (p) => `the summary of refusals of node ${p.node} is not taken: ${p.reason}`,
    'Nothing is to be done: the node adds what it counted to its next summary.',
  ),
  LEDGER_DIGEST: entry<{ expected: string; found: string }>(
    400,
    (p) => `the digest is ${p.found}, but what it covers has ${p.expected}`,
    'Compute the digests from the attributes and commitments that are sent.',
  ),
  LEDGER_SEQUENCE: entry<{ sequence: number; last: number }>(
    409,
    (p) => `sequence ${p.sequence} is not above the last one, ${p.last}`,
    'Go on from the last recorded sequence.',
  ),
  LEDGER_BODY_HELD: entry<{ proposal: number; reason: string }>(
    409,
    (p) => `the receipt for the bodies of proposal ${p.proposal} is of no use: ${p.reason}`,
    'Nothing is to be done.',
  ),
  LEDGER_TICK: entry<{ dueMs: number; id: string }>(
    409,
    (p) => `nothing is due for ${p.id} at ${p.dueMs}`,
    'Nothing is to be done.',
  ),
  LEDGER_EVIDENCE: entry<{ validator: string; reason: string }>(
    400,
    (p) => `the evidence against ${p.validator} proves nothing: ${p.reason}`,
    'Evidence is two verified, conflicting signatures for one step.',
  ),

  // Keys and validator sets
  LEDGER_DESCRIPTOR: entry<{ reason: string }>(
    400,
    (p) => `the descriptor ${p.reason}`,
    "Take descriptor.json as the organisation's `chain-node keygen` wrote it.",
  ),
  LEDGER_KEY_ROTATION: entry<{ owner: string; reason: string }>(
    409,
    (p) => `the key of ${p.owner} is not replaced: ${p.reason}`,
    'Make a new key and sign its rotation with the present one and with itself.',
  ),
  LEDGER_JOIN: entry<{ node: string; reason: string }>(
    409,
    (p) => `${p.node} does not become a validator yet: ${p.reason}`,
    'Its node repeats it by itself once it has caught up; the organisation is admitted by `kubectl chain propose validator`.',
  ),
  LEDGER_HANDOVER: entry<{ set: number; reason: string }>(
    409,
    (p) => `the handover to validator set ${p.set} is not taken: ${p.reason}`,
    'Nodes make it by themselves; nothing is to be done.',
  ),

  // Executing a block
  LEDGER_BLOCK_HEADER: entry<{ height: number; field: string; expected: string; found: string }>(
    400,
    (p) => `block ${p.height} has ${p.field} ${p.found} instead of ${p.expected}`,
    REGENERATE,
  ),
  LEDGER_BLOCK_TX: entry<{ height: number; index: number; reason: string }>(
    400,
    (p) => `transaction ${p.index} of block ${p.height} has no place in it: ${p.reason}`,
    'An honest proposer leaves such transactions out: report the proposer.',
  ),
  LEDGER_STATE_MISMATCH: entry<{ height: number; expected: string; found: string }>(
    500,
    (p) => `the stored state has root ${p.found}, but height ${p.height} was decided with ${p.expected}`,
    'Run chain-node fsck: the stored state is damaged or of another height.',
  ),
} as const;
