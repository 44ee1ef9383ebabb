import { codecErrors } from './registry/codec.ts';
import { cryptoErrors } from './registry/crypto.ts';
import { consensusErrors } from './registry/consensus.ts';
import { storeErrors } from './registry/store.ts';
import { netErrors } from './registry/net.ts';
import { ledgerErrors } from './registry/ledger.ts';
import { governanceErrors } from './registry/governance.ts';
import { changeErrors } from './registry/change.ts';
import { webhookErrors } from './registry/webhook.ts';
import { apiErrors } from './registry/api.ts';
import { clientErrors } from './registry/client.ts';
import { clusterErrors } from './registry/cluster.ts';
import { nodeErrors } from './registry/node.ts';
import { cliErrors } from './registry/cli.ts';
import type { ErrorEntry } from './define.ts';

/** Every code, each once. A code keeps its meaning for ever; a removed one is never given to something else. */
export const registry = {
  ...codecErrors,
  ...cryptoErrors,
  ...consensusErrors,
  ...storeErrors,
  ...netErrors,
  ...ledgerErrors,
  ...governanceErrors,
  ...changeErrors,
  ...webhookErrors,
  ...apiErrors,
  ...clientErrors,
  ...clusterErrors,
  ...nodeErrors,
  ...cliErrors,
} as const;

export type ErrorCode = keyof typeof registry;
export type ErrorPayload<C extends ErrorCode> = (typeof registry)[C] extends ErrorEntry<infer P> ? P : never;
