import { entry } from '../define.ts';

/** What is known when a connection ends: the other side (validator id, or its address before it is known) and the particulars. */
interface Closed {
  readonly peer: string;
  readonly detail: string;
}

const closed = (what: string, remedy: string) => entry<Closed>(503, (p) => `${what} (${p.peer}): ${p.detail}`, remedy);

export const netErrors = {
  NET_TIMEOUT: entry<{ peer: string; method: string; timeoutMs: number }>(
    504,
    (p) => `peer ${p.peer} did not answer ${p.method} within ${p.timeoutMs} ms`,
    'Ask another peer; if it stays silent, look at that node and at the network between.',
  ),
  NET_UNREACHABLE: entry<{ peer: string; detail: string }>(
    503,
    (p) => `no connection to peer ${p.peer}: ${p.detail}`,
    'The mesh redials by itself. Check that the peer runs and that its peerAddress in the ledger is right.',
  ),
  NET_REFUSED: entry<{ peer: string; method: string; code: string; detail: string }>(
    502,
    (p) => `peer ${p.peer} refused ${p.method} with ${p.code}: ${p.detail}`,
    'The code names the reason; ask another peer when it is about load.',
  ),
  NET_LISTEN: entry<{ address: string; detail: string }>(
    500,
    (p) => `cannot listen for peers on ${p.address}: ${p.detail}`,
    'Free the address or configure another one, and put the new one into the ledger.',
  ),
  NET_ADDRESS: entry<{ address: string }>(
    400,
    (p) => `not a peer address: ${p.address}`,
    'Use host:port, with an IPv6 host in brackets.',
  ),
  NET_CREDENTIALS: entry<{ detail: string }>(
    500,
    (p) => `the certificate or key of the peer mesh cannot be used: ${p.detail}`,
    'Give the PEM of an Ed25519 key and of the self-signed certificate made for it.',
  ),

  // Why a connection ended. The code travels in the closing frame and is a counter on both sides.
  NET_TLS: closed(
    'TLS handshake failed',
    'Both sides speak TLS 1.3 with Ed25519 certificates and the protocol kubectl-chain/1 only.',
  ),
  NET_WRONG_KEY: closed(
    'certificate is not that of the named validator',
    "Compare the node's TLS key with the validator set; a swapped key needs validator-replace.",
  ),
  NET_NOT_A_PEER: closed(
    'key belongs to no validator of the set',
    'Only validators may join the mesh; others read through the API.',
  ),
  NET_WRONG_CHAIN: closed('peer is on another chain', 'Compare the genesis files.'),
  NET_WRONG_VERSION: closed('peer speaks another protocol version', 'Run the same release on all nodes.'),
  NET_SELF: closed('connected to itself', "Correct the peer's address in the ledger: it leads back here."),
  NET_DUPLICATE: closed('the pair has a connection already', 'Nothing: each pair keeps one connection.'),
  NET_BACKOFF: closed('peer was dropped and must wait', 'Nothing: it may connect again after the backoff.'),
  NET_HANDSHAKE_TIMEOUT: closed(
    'peer was too slow to introduce itself',
    'Look for a stopped process or a lossy network.',
  ),
  NET_TOO_MANY_CONNECTIONS: closed(
    'too many unfinished connections',
    'Find out who opens connections to the peer port and close it to others.',
  ),
  NET_FRAME_TOO_LARGE: closed(
    'frame is larger than the limit',
    'A correct peer does not send such frames; look at its release.',
  ),
  NET_FRAME_MALFORMED: closed('frame is malformed', 'A correct peer does not send such frames; look at its release.'),
  NET_FRAME_UNKNOWN: closed(
    'frame type or channel is unknown',
    'A correct peer does not send such frames; look at its release.',
  ),
  NET_TOO_MANY_REQUESTS: closed('too many unanswered requests', 'Wait for answers before asking more.'),
  NET_SILENT: closed('peer fell silent', 'Look for a stopped process or a cut network.'),
  NET_DROPPED: closed('dropped by the node', 'The detail names what the peer did wrong.'),
  NET_STOPPING: closed('node is stopping', 'Nothing: it will be redialled.'),
  NET_CLOSED: closed('peer closed the connection', 'Nothing: it will be redialled.'),
  NET_SOCKET: closed('connection failed', 'Look at the network between the nodes.'),
  NET_HANDLER_FAILED: closed(
    'the receiving node failed on what the peer sent',
    'A defect: report it with the log of the receiving node.',
  ),

  // Refusals of a request.
  NET_BUSY: closed('node is too busy to answer', 'Ask another peer, or later.'),
  NET_RESPONSE_TOO_LARGE: closed('answer is larger than the limit', 'Ask for less at a time.'),
} as const;
