import { utf8Encode } from '../../src/codec/index.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { openDescriptor } from '../../src/ledger/descriptor.ts';
import type { ConfigChange } from '../../src/types/transaction.ts';

/** Whom a descriptor is of; what it says is checked where it is put to the vote. */
function descriptorOrg(line: string): string {
  try {
    return openDescriptor(utf8Encode(line), nativeBackend).org;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a change of the configuration is and is about, in a few words. */
export function configTitle(change: ConfigChange): string {
  switch (change.type) {
    case 'policy-put':
    case 'policy-delete':
      return `${change.type} ${change.name}`;
    case 'cluster-put':
      return `${change.type} ${change.cluster.name}`;
    case 'binding-put':
      return `${change.type} ${change.binding.cluster}/${change.binding.user}`;
    case 'binding-delete':
      return `${change.type} ${change.cluster}/${change.user}`;
    case 'member-put':
      return `${change.type} ${change.org}/${change.member.name}`;
    case 'member-delete':
      return `${change.type} ${change.org}/${change.name}`;
    case 'validator-join':
    case 'validator-replace':
      return `${change.type} ${descriptorOrg(change.descriptor)}`;
    case 'validator-remove':
      return `${change.type} ${change.org}`;
    case 'guard-put':
      return `${change.type} ${change.cluster}/${change.hook}`;
    case 'tombstone':
      return `${change.type} ${change.body}`;
    case 'finding-ratify':
      return `${change.type} ${change.cluster}/${change.finding}`;
    case 'params-put':
    case 'config-policy-put':
      return change.type;
  }
}
