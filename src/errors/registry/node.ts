import { entry } from '../define.ts';

interface FilePlace {
  file: string;
  line: number;
  column: number;
}

export const nodeErrors = {
  CONFIG_UNREADABLE: entry<{ file: string; reason: string }>(
    500,
    (p) => `configuration ${p.file} cannot be read: ${p.reason}`,
    'Name an existing, readable file with --config.',
  ),
  CONFIG_INVALID: entry<FilePlace & { field: string; problem: string }>(
    500,
    (p) => `${p.file}:${p.line}:${p.column}: ${p.field === '' ? '' : `${p.field}: `}${p.problem}`,
    'Correct the configuration at the line and column named; unknown fields are not ignored.',
  ),
  NODE_FILE_UNREADABLE: entry<{ what: string; file: string; reason: string }>(
    500,
    (p) => `${p.what} ${p.file} cannot be read: ${p.reason}`,
    'Check the path and its permissions.',
  ),
  NODE_FILE_EXISTS: entry<{ file: string }>(
    409,
    (p) => `${p.file} exists already`,
    'Nothing was overwritten: choose another folder, or move the old files away first.',
  ),
  NODE_KEY_MISMATCH: entry<{ purpose: string; expected: string; actual: string }>(
    500,
    (p) => `the ${p.purpose} key on disk is ${p.actual}, but the chain registers ${p.expected} for this organisation`,
    'Configure the key that the genesis or the last rotation names for this node.',
  ),
  NODE_KEY_UNUSABLE: entry<{ purpose: string; file: string; reason: string }>(
    500,
    (p) => `the ${p.purpose} key ${p.file} cannot be used: ${p.reason}`,
    'Configure the key file that `chain-node keygen` wrote; if it is encrypted, name the file with its passphrase in `keys.passphraseFile`.',
  ),
  NODE_TLS_PAIR: entry<{ purpose: string; key: string; certificate: string; reason: string }>(
    500,
    (p) => `the ${p.purpose} key ${p.key} does not go with the certificate ${p.certificate}: ${p.reason}`,
    'Configure the key and the certificate that were made together, as `chain-node keygen` wrote them.',
  ),
  NODE_NOT_A_VALIDATOR: entry<{ org: string }>(
    500,
    (p) => `organisation ${p.org} has no validator on this chain`,
    'Check `org` in the configuration and the genesis file.',
  ),
  FSCK_USAGE: entry<Record<never, never>>(
    400,
    () => 'no data folder is named',
    'Give --config FILE, or --data-dir FOLDER with --genesis FILE.',
  ),
  NODE_NO_HOOK: entry<{ org: string; cluster: string }>(
    500,
    (p) => `the chain names no hook of cluster ${p.cluster} that ${p.org} answers for`,
    'Leave `webhook` out of the configuration, or have the cluster record changed by vote.',
  ),
  NODE_PORT_IN_USE: entry<{ address: string; purpose: string }>(
    500,
    (p) => `${p.purpose} cannot listen on ${p.address}: the port is taken`,
    'Stop the other process, or configure another port.',
  ),
  DESCRIPTOR_INVALID: entry<{ file: string; reason: string }>(
    400,
    (p) => `descriptor ${p.file}: ${p.reason}`,
    'Ask that organisation for its descriptor.json as `chain-node keygen` wrote it.',
  ),
  MEMPOOL_FULL: entry<{ org: string; transactions: number }>(
    429,
    (p) => `${p.transactions} transactions of ${p.org}, or of this user there, are waiting already`,
    'Try again in a second; the chain is slower than what is sent to it.',
  ),
  NODE_NOT_READY: entry<{ reason: string }>(
    503,
    (p) => `the node is not ready: ${p.reason}`,
    'Wait until /readyz answers 200, or ask another node.',
  ),
  NO_QUORUM: entry<{ connected: number; needed: number }>(
    503,
    (p) => `${p.connected} of the ${p.needed} validators that a quorum needs are connected`,
    'Bring enough validators back; `kubectl chain status` shows which are missing.',
  ),
  ADMISSION_UID_REUSED: entry<Record<never, never>>(
    503,
    () => 'another review with this uid was decided a moment ago',
    'No API server gives one uid to two reviews: find out who called the webhook.',
  ),
  ADMISSION_REFUSED_OFTEN: entry<Record<never, never>>(
    429,
    () => 'this user was refused so often that new refusals wait',
    'Wait a second and repeat. Propose many changes together: kubectl chain propose change -f DIR -R.',
  ),
  ADMISSION_QUEUE_LONG: entry<Record<never, never>>(
    429,
    () => 'so many changes of this user wait already that one more would not be decided in time',
    'Nothing was submitted: wait some seconds and repeat. Many changes at once are quicker with fewer requests at a time.',
  ),
  OUTCOME_UNKNOWN: entry<{ tx: string }>(
    503,
    (p) => `no decision was heard in time for transaction ${p.tx}: it may still be recorded`,
    'Look for the transaction with `kubectl chain audit` before you try again.',
  ),
  OUTCOME_TOO_LATE: entry<Record<never, never>>(
    503,
    () => 'the change reached a block after its time had run out and was not admitted',
    'Try again; if it happens often, look at the block times in `kubectl chain status`.',
  ),
  BODY_UNKNOWN: entry<{ hash: string }>(
    404,
    (p) => `no body with hash ${p.hash} is held here`,
    'Ask the node of another organisation.',
  ),
  BODY_ERASED: entry<{ hash: string }>(
    410,
    (p) => `the body ${p.hash} was erased by vote`,
    'Nobody can show it any more; the record, its digest and who approved it stay.',
  ),
  BODY_FORBIDDEN: entry<{ hash: string; org: string }>(
    403,
    (p) => `${p.org} is not entitled to the body ${p.hash}`,
    'Bodies go to the organisations that answer for the cluster or vote on the change.',
  ),
  CLUSTER_KEY_MISSING: entry<{ cluster: string }>(
    503,
    (p) => `the key of cluster ${p.cluster} is not here yet`,
    'It comes from another node of the cluster over the peer mesh; check that one is connected.',
  ),
  NODE_BLOCK_BODY: entry<{ height: number }>(
    400,
    (p) => `the body of block ${p.height} is not the one that its header commits to`,
    'The peer that sent it is faulty; the block is asked of another one.',
  ),
  REPAIR_NOT_DAMAGE: entry<{ said: string }>(
    500,
    (p) => `what keeps fsck from reading the store is not damage: ${p.said}`,
    'Nothing was changed. Do what the message says, then run the repair again.',
  ),
  REPAIR_NO_SOURCE: entry<{ height: number; had: number }>(
    503,
    (p) => `block ${p.height} of ${p.had} is damaged here, and no peer that could be reached has it`,
    'Nothing was changed. Run the repair again when other validators are reachable at their peer addresses.',
  ),
  SNAPSHOT_BUCKET: entry<{ bucket: number; reason: string }>(
    400,
    (p) => `bucket ${p.bucket} of a state that a peer sent is refused: ${p.reason}`,
    'The peer is faulty; the bucket is asked of another one.',
  ),
  HISTORY_NOT_HERE: entry<{ from: number; to: number }>(
    503,
    (p) => `this node began with a snapshot and does not have the heights ${p.from} to ${p.to} yet`,
    'Ask another node, or ask again: the node fetches its history, and its status says how far it is.',
  ),
  SYNC_RANGE_INVALID: entry<{ height: number; reason: string }>(
    400,
    (p) => `the range that a peer sent is wrong at block ${p.height}: ${p.reason}`,
    'The peer is faulty; the range is asked of another one.',
  ),
} as const;
