import { readFileSync } from 'node:fs';
import { openNodeDescriptor } from '../../../src/client/descriptor.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { joinerKey, KEY } from '../../../src/ledger/execute/keys.ts';
import { versionHash } from '../../../src/ledger/version-hash.ts';
import type { OrgId } from '../../../src/types/brand.ts';
import type { Joiner, Validator } from '../../../src/types/chain.ts';
import type { ConfigChange } from '../../../src/types/transaction.ts';
import { documentOf } from '../document.ts';
import type { SigningOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { present, proposeConfig } from './propose-config.ts';

const { sha256 } = nativeBackend;

interface ValidatorOptions extends SigningOptions {
  readonly filename?: readonly string[];
  readonly remove?: readonly string[];
}

/** An organisation that is to join, other keys of a validator, or the removal of one: what a descriptor means follows from who is there. */
export function proposeValidator(terminal: Terminal, options: ValidatorOptions): Promise<void> {
  return proposeConfig(terminal, options, async ({ reader }) => {
    const { filename = [], remove = [] } = options;
    if (filename.length + remove.length !== 1)
      throw new ChainError('CLI_USAGE', {
        problem: 'give one -f DESCRIPTOR or one --remove ORG: one change at a time',
      });
    const lines = filename.map((file) => ({ file, line: readText(file).trimEnd() }));
    const found = lines.map(({ file, line }) => ({ line, ...openNodeDescriptor(file, Buffer.from(line)) }));
    const { values } = await reader.state([KEY.validators, ...remove.map(joinerKey)]);
    const validators = documentOf<readonly Validator[]>(values, KEY.validators) ?? [];
    const versionOf = (validator: Validator | undefined) =>
      validator === undefined ? null : versionHash(sha256, validator);
    const of = (org: string): Validator | undefined => validators.find((validator) => validator.org === org);
    const puts = found.map(({ org, line: descriptor }): ConfigChange => {
      const replaces = versionOf(of(org));
      return replaces === null
        ? { type: 'validator-join', descriptor, replaces }
        : { type: 'validator-replace', descriptor, replaces };
    });
    const removals = remove.map((org): ConfigChange => {
      const leaving = of(org) ?? documentOf<Joiner>(values, joinerKey(org))?.validator;
      return { type: 'validator-remove', org: org as OrgId, replaces: present(versionOf(leaving), `validator/${org}`) };
    });
    return [...puts, ...removals];
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
}
