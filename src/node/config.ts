import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { ChainError } from '../errors/chain-error.ts';

const listen = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be host:port');
const file = z.string().min(1);

/** One organisation's node. Paths are relative to the configuration file. */
const schema = z.strictObject({
  apiVersion: z.literal('kubectl-chain.dev/v1alpha1'),
  kind: z.literal('NodeConfig'),
  org: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a lowercase RFC 1123 label'),
  genesisFile: file,
  dataDir: file,
  /** These keys are not registered yet: the node follows, and takes part from the height on at which they are. */
  joining: z.boolean().default(false),
  keys: z.strictObject({ vote: file, tx: file, checkpoint: file, passphraseFile: file.optional() }),
  peer: z.strictObject({ listen, key: file, certificate: file }),
  api: z.strictObject({ listen, key: file, certificate: file }),
  metrics: z.strictObject({ listen }).optional(),
  /** Absent: this node answers no hook. */
  webhook: z
    .strictObject({
      listen,
      key: file,
      certificate: file,
      /** CA of the client certificate that the API server presents. Exactly one of the two must be given. */
      clientCa: file.optional(),
      pathSecretFile: file.optional(),
      /** What the record hook may keep while there is no quorum. */
      spool: z
        .strictObject({
          recordsMax: z.int().min(100).max(1_000_000),
          bytesMax: z
            .int()
            .min(1024 * 1024)
            .max(1024 * 1024 * 1024),
        })
        .optional(),
      /** Users that play the kubelet of every node (kwok), as in the webhook configuration; none in production. */
      nodeAgents: z.array(z.string().regex(/^[A-Za-z0-9:._@/+-]+$/, 'must be the name of a user')).optional(),
    })
    .optional(),
  cluster: z
    .strictObject({
      name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a lowercase RFC 1123 label'),
      /** Read-only identity of the observer; absent: this node observes nothing. */
      kubeconfig: file.optional(),
      context: z.string().min(1).optional(),
      /** The API server's audit log, one JSON event a line; absent: failing open and impersonation are not seen. */
      auditLog: file.optional(),
      /**
       * True where the API server's own plugins change Pods in ways that upstream's do not (OpenShift's security constraints, hidden webhooks of a managed cluster): then
       * the observer does not compare what controllers made with what their owners ask for.
       */
      podsRewritten: z.boolean().optional(),
      /** How often each hook is proven to refuse, and how long one may be silent before that is a finding; milliseconds. */
      canary: z
        .strictObject({
          everyMs: z.number().int().min(500).max(60_000).optional(),
          silentAfterMs: z.number().int().min(0).max(600_000).optional(),
        })
        .optional(),
    })
    .optional(),
  /** A node that is this many blocks behind fetches the state first, and the blocks beside its work. */
  catchUp: z
    .strictObject({ snapshotFromBlocks: z.int().min(10).max(1_000_000_000) })
    .default({ snapshotFromBlocks: 5_000 }),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']) }).default({ level: 'info' }),
});

export type NodeConfig = z.infer<typeof schema> & { readonly file: string };

function placeOf(
  document: Document,
  counter: LineCounter,
  path: readonly PropertyKey[],
): { line: number; column: number } {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (!isMap(node)) break;
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
    if (pair === undefined) break;
    if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
    node = pair.value;
  }
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Reads and checks a node's configuration. Throws CONFIG_UNREADABLE, or CONFIG_INVALID with line and column of the first mistake. */
export function readNodeConfig(path: string): NodeConfig {
  const absolute = resolve(path);
  let text: string;
  try {
    text = readFileSync(absolute, 'utf8');
  } catch (cause) {
    throw new ChainError('CONFIG_UNREADABLE', { file: absolute, reason: (cause as Error).message }, { cause });
  }
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    const position = counter.linePos(syntax.pos[0]);
    throw new ChainError('CONFIG_INVALID', {
      file: absolute,
      line: position.line,
      column: position.col,
      field: '',
      problem: syntax.message.split('\n')[0] ?? 'not YAML',
    });
  }
  const parsed = schema.safeParse(document.toJS());
  const fail = (steps: readonly PropertyKey[], problem: string): never => {
    throw new ChainError('CONFIG_INVALID', {
      file: absolute,
      ...placeOf(document, counter, steps),
      field: steps.map(String).join('.'),
      problem,
    });
  };
  if (!parsed.success) {
    const { issues } = parsed.error;
    // A misspelt field is also a missing one; the line to correct is the misspelt one's.
    const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
    if (issue === undefined) return fail([], 'invalid');
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    return fail(
      unknown === undefined ? issue.path : [...issue.path, unknown],
      unknown === undefined ? issue.message : 'unknown field',
    );
  }
  const { webhook, cluster } = parsed.data;
  if (webhook && (webhook.clientCa === undefined) === (webhook.pathSecretFile === undefined))
    fail(['webhook'], 'give exactly one of clientCa and pathSecretFile');
  if (webhook && !cluster) fail(['webhook'], 'a webhook needs `cluster.name`');
  return Object.freeze({ ...absolutePaths(parsed.data, dirname(absolute)), file: absolute });
}

function absolutePaths(config: z.infer<typeof schema>, base: string): z.infer<typeof schema> {
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(base, path));
  const pair = <T extends { key: string; certificate: string }>(part: T): T => ({
    ...part,
    key: at(part.key),
    certificate: at(part.certificate),
  });
  const { webhook, cluster, keys } = config;
  return {
    ...config,
    genesisFile: at(config.genesisFile),
    dataDir: at(config.dataDir),
    keys: {
      vote: at(keys.vote),
      tx: at(keys.tx),
      checkpoint: at(keys.checkpoint),
      ...(keys.passphraseFile === undefined ? {} : { passphraseFile: at(keys.passphraseFile) }),
    },
    peer: pair(config.peer),
    api: pair(config.api),
    ...(webhook === undefined
      ? {}
      : {
          webhook: {
            ...pair(webhook),
            ...(webhook.clientCa === undefined ? {} : { clientCa: at(webhook.clientCa) }),
            ...(webhook.pathSecretFile === undefined ? {} : { pathSecretFile: at(webhook.pathSecretFile) }),
          },
        }),
    ...(cluster === undefined
      ? {}
      : {
          cluster: {
            ...cluster,
            ...(cluster.kubeconfig === undefined ? {} : { kubeconfig: at(cluster.kubeconfig) }),
            ...(cluster.auditLog === undefined ? {} : { auditLog: at(cluster.auditLog) }),
          },
        }),
  };
}

/** Splits `host:port`; brackets of an IPv6 address are taken off. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
