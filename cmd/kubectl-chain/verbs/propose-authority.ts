import { RECORD_HOOK } from '../../../src/change/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { guardKey } from '../../../src/ledger/execute/keys.ts';
import { versionHash } from '../../../src/ledger/version-hash.ts';
import type { Guard } from '../../../src/types/finding.ts';
import type { ConfigChange } from '../../../src/types/transaction.ts';
import { documentOf } from '../document.ts';
import type { SigningOptions } from '../options.ts';
import { caBundleOf, clusterOf } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { hookUrls, recordUrl } from './install.ts';
import { present, proposeConfig } from './propose-config.ts';

interface AuthorityOptions extends SigningOptions {
  readonly hook: readonly string[];
  readonly recordHook?: string;
  /** In the order in which they will be installed. */
  readonly webhookCa: readonly string[];
}

/** Announces what `install` will put in place of the present authorities, one bundle after the other. */
export function proposeAuthority(terminal: Terminal, options: AuthorityOptions): Promise<void> {
  return proposeConfig(terminal, options, async (session) => {
    const record = await clusterOf(session);
    const urls = hookUrls(record, options.hook);
    const bundles = options.webhookCa.map((file) => Buffer.from(caBundleOf(file)).toString('base64'));
    const { values } = await session.reader.state([guardKey(record.name)]);
    const guard = documentOf<Guard>(values, guardKey(record.name));
    const isRecordExpected = guard?.hooks.some((hook) => hook.name === RECORD_HOOK) ?? false;
    const names = [...record.hooks.map(({ name }) => name), ...(isRecordExpected ? [RECORD_HOOK] : [])];
    return names.map((name): ConfigChange => {
      const expected = guard?.hooks.find((hook) => hook.name === name);
      const url = name === RECORD_HOOK ? recordUrl(urls, options.recordHook) : urls.get(name);
      if (url === undefined) throw new ChainError('CLI_USAGE', { problem: `--hook ${name}=URL is missing` });
      return {
        type: 'guard-put',
        cluster: record.name,
        hook: name,
        announced: bundles.map((caBundle) => ({ url, caBundle })),
        replaces: present(
          expected === undefined ? null : versionHash(nativeBackend.sha256, expected),
          `what is expected of hook ${name}`,
        ),
      };
    });
  });
}
