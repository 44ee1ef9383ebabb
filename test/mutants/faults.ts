import type { Fault } from './fault.ts';
import { changeFaults } from './faults/change.ts';
import { clusterFaults } from './faults/cluster.ts';
import { codecFaults } from './faults/codec.ts';
import { consensusFaults } from './faults/consensus.ts';
import { governanceFaults } from './faults/governance.ts';
import { ledgerFaults } from './faults/ledger.ts';
import { nodeFaults } from './faults/node.ts';
import { simFaults } from './faults/sim.ts';
import { storeFaults } from './faults/store.ts';
import { webhookFaults } from './faults/webhook.ts';

/** All of them, in this order; `--only N` counts from 1. */
export const faults: readonly Fault[] = [
  ...consensusFaults,
  ...codecFaults,
  ...ledgerFaults,
  ...governanceFaults,
  ...changeFaults,
  ...webhookFaults,
  ...storeFaults,
  ...nodeFaults,
  ...simFaults,
  ...clusterFaults,
];
