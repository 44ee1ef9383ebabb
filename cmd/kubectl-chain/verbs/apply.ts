import { replayed, type VerifiedBody } from '../../../src/change/index.ts';
import { changeTitle } from '../../../src/codec/change-title.ts';
import { canonicalText } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import { changesOf } from '../../../src/ledger/details.ts';
import type { ProposedChange } from '../../../src/types/transaction.ts';
import { fetchBody } from '../bodies.ts';
import { confirm } from '../confirm.ts';
import { identityOf } from '../identity.ts';
import { KubeApi, pathOf } from '../kube-api.ts';
import type { SigningOptions } from '../options.ts';
import { printable } from '../output/printable.ts';
import { checkedTerms, openProposal } from '../proposal.ts';
import { withSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { proposalNumber } from './audit.ts';

/**
 * Asks the API server for exactly what was approved, from the very bytes that were voted on. For tools that write the time or a random name, such as
 * `rollout restart`: repeated, they ask for another change each time, which no approval is for.
 */
export async function apply(terminal: Terminal, word: string, options: SigningOptions): Promise<void> {
  const id = Number(proposalNumber(word));
  await withSession(terminal, options, async (session) => {
    const identity = await identityOf(session, options);
    const { proposal, details, uses } = await openProposal(session.reader, id);
    if (proposal.kind !== 'change' || proposal.state !== 'APPROVED')
      throw new ChainError('CLI_APPLY', { what: `proposal/${id}`, reason: `it is ${proposal.state}` });
    if (details === undefined)
      throw new ChainError('CLI_BODY', {
        proposal: id,
        object: proposal.title,
        reason: 'no node shows the body of the proposal',
      });
    checkedTerms(session.chain.genesisHash, proposal, details);
    const ready = changesOf(details, nativeBackend.sha256).filter(
      (_, index) => uses[index] === undefined && proposal.unused === 'READY',
    );
    if (ready.length === 0) throw new ChainError('CLI_NOTHING', { what: 'no approval of it is left to be used' });
    const kube = new KubeApi(terminal, options);
    await confirm(terminal, options, `ask the API server for ${ready.length} approved changes of proposal/${id}`);
    let failed: ChainError | undefined;
    for (const change of ready) {
      const title = changeTitle(change.attributes);
      try {
        await ask(kube, change, await fetchBody(session, identity, change), options.dryRun === true);
        terminal.stdout(`${printable(title)} ${options.dryRun === true ? 'applied (server dry run)' : 'applied'}\n`);
      } catch (error) {
        if (!isChainError(error)) throw error;
        failed ??= error;
        terminal.stderr(`${printable(title)}: ${printable(error.message)}\n`);
      }
    }
    if (failed !== undefined) throw failed;
  });
}

/** One request by kubectl, with the user's own credentials. Throws CLI_APPLY, CLI_KUBECTL. */
async function ask(
  kube: KubeApi,
  { attributes }: ProposedChange,
  body: VerifiedBody,
  isDryRun: boolean,
): Promise<void> {
  const { operation, namespace, name, subresource, options } = attributes;
  const refuse = (reason: string): ChainError => new ChainError('CLI_APPLY', { what: changeTitle(attributes), reason });
  const dryRun = isDryRun ? '?dryRun=All' : '';
  const object = `${pathOf(attributes, namespace, name)}${subresource === '' ? '' : `/${subresource}`}`;
  switch (operation) {
    case 'UPDATE': {
      const asked = replayed(body, await kube.get(object));
      if (asked === undefined)
        throw refuse('it holds values that only its author has, or the object has changed since');
      await kube.run(['replace', `--raw=${object}${dryRun}`, '--filename=-'], canonicalText(asked));
      return;
    }
    case 'CREATE': {
      // The answer would be the secret, and the command is the same change each time.
      if (subresource === 'token') throw refuse('a token is for whoever asks for it: repeat the command itself');
      const asked = replayed(body, undefined);
      if (asked === undefined) throw refuse('it holds values that only its author has');
      const folder = subresource === '' ? pathOf(attributes, namespace, '') : object;
      await kube.run(['create', `--raw=${folder}${dryRun}`, '--filename=-'], canonicalText(asked));
      return;
    }
    case 'DELETE': {
      const asked = { kind: 'DeleteOptions', apiVersion: 'v1', ...(JSON.parse(options) as object) };
      await kube.run(['delete', `--raw=${object}${dryRun}`, '--filename=-'], JSON.stringify(asked));
      return;
    }
    case 'CONNECT':
      throw refuse('a connection cannot be opened for somebody else: repeat the command itself');
  }
}
