#!/usr/bin/env node
/** One organisation's validator: its keys, the genesis, the running node, and the check of what it has on disk. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { isChainError } from '../src/errors/chain-error.ts';
import type { OrgId } from '../src/types/brand.ts';

function count(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1 to 999');
  return Number(text);
}

function height(text: string): number {
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw new InvalidArgumentError('must be a height');
  return Number(text);
}

const program = new Command('chain-node')
  .description('A validator of kubectl-chain: consensus, ledger, admission webhook and query API of one organisation')
  .exitOverride()
  .showHelpAfterError('(chain-node --help lists the commands)');

program
  .command('keygen')
  .description("make the keys, certificates and descriptor of one organisation's node")
  .requiredOption('--org <name>', 'name of the organisation, an RFC 1123 label')
  .requiredOption('--dir <folder>', 'folder to write to; nothing in it is overwritten')
  .requiredOption('--peer-address <host:port>', 'where the other validators reach this node')
  .requiredOption('--api-url <url>', 'where members reach the API')
  .option('--host <name...>', 'further names and addresses in the certificates', [])
  .option('--member <file...>', 'descriptors of members, from `kubectl chain keys generate`', [])
  .option('--votes-required <n>', "how many members must agree before it is the organisation's vote", count, 1)
  .option('--passphrase-file <file>', 'encrypt the keys with the first line of this file')
  .action(async (options: Record<string, never>) => {
    const { keygen } = await import('../src/node/keygen.ts');
    const o = options as unknown as {
      org: OrgId;
      dir: string;
      peerAddress: string;
      apiUrl: string;
      host: string[];
      member: string[];
      votesRequired: number;
      passphraseFile?: string;
    };
    const { descriptorFile } = await keygen({
      org: o.org,
      dir: o.dir,
      peerAddress: o.peerAddress,
      apiUrl: o.apiUrl,
      hosts: [...o.host, new URL(o.apiUrl).hostname.replace(/^\[|\]$/g, '')],
      memberFiles: o.member,
      votesRequired: o.votesRequired,
      passphrase: o.passphraseFile === undefined ? null : (readFileSync(o.passphraseFile, 'utf8').split('\n')[0] ?? ''),
    });
    console.log(`keys of ${o.org} made; give ${descriptorFile} to the other organisations`);
  });

program
  .command('genesis')
  .description("make the genesis from the agreed plan and every organisation's descriptor")
  .requiredOption('--plan <file>', 'GenesisPlan that all organisations agreed on')
  .requiredOption('--descriptor <file...>', 'descriptor.json of every organisation')
  .requiredOption('--out <file>', 'where to write the genesis')
  .action(async (options: { plan: string; descriptor: string[]; out: string }) => {
    const { describeGenesis, makeGenesis, writeGenesis } = await import('../src/node/genesis-command.ts');
    const genesis = await makeGenesis(options.plan, options.descriptor);
    await writeGenesis(options.out, genesis);
    console.log(describeGenesis(genesis));
  });

program
  .command('start')
  .description('run the node until it is told to stop')
  .requiredOption('--config <file>', 'NodeConfig')
  .action(async (options: { config: string }) => {
    const { runNode } = await import('../src/node/run.ts');
    await runNode(options.config);
  });

program
  .command('rotate-key')
  .description(
    'make the next transaction or checkpoint key; the running node puts it in force, signed by the old and the new one',
  )
  .requiredOption('--config <file>', 'NodeConfig')
  .addOption(new Option('--purpose <purpose>', 'which key').choices(['tx', 'checkpoint']).makeOptionMandatory())
  .action(async (options: { config: string; purpose: string }) => {
    const { makeNextKey } = await import('../src/node/next-key.ts');
    console.log(await makeNextKey(options.config, options.purpose as 'tx'));
  });

program
  .command('certificates')
  .description(
    'rotate what the API or the webhook shows, while the node runs: renew, or the three steps to another authority',
  )
  .addArgument(new Argument('<step>').choices(['renew', 'prepare-authority', 'switch-authority', 'retire-authority']))
  .requiredOption('--dir <folder>', 'folder that keygen made')
  .addOption(new Option('--purpose <purpose>', 'whose certificate').choices(['api', 'webhook']).makeOptionMandatory())
  .action(async (step: string, options: { dir: string; purpose: string }) => {
    const { rotateCertificates } = await import('../src/node/certificates-command.ts');
    console.log(await rotateCertificates(options.dir, options.purpose as 'api', step as 'renew'));
  });

program
  .command('fsck')
  .description("verify everything in a stopped node's data folder; exit 1 if anything is wrong")
  .option('--config <file>', 'NodeConfig')
  .option('--data-dir <folder>', 'data folder; needs --genesis')
  .option('--genesis <file>', 'genesis file')
  .option('-o, --output <format>', 'text or json', 'text')
  .action(async (options: { config?: string; dataDir?: string; genesis?: string; output: string }) => {
    const { runFsck } = await import('../src/node/fsck.ts');
    process.exitCode = await runFsck(options);
  });

program
  .command('repair')
  .description("make a sound store of a stopped node's damaged one: own blocks where they are proven, peers' otherwise")
  .requiredOption('--config <file>', 'NodeConfig')
  .option('-o, --output <format>', 'text or json', 'text')
  .action(async (options: { config: string; output: string }) => {
    const { runRepair } = await import('../src/node/repair.ts');
    process.exitCode = await runRepair(options);
  });

program
  .command('backup')
  .description('copy the store of a node, running or not')
  .requiredOption('--config <file>', 'NodeConfig')
  .requiredOption('--out <folder>', 'new folder to copy to')
  .action(async (options: { config: string; out: string }) => {
    const { runBackup } = await import('../src/node/restore.ts');
    await runBackup(options);
  });

program
  .command('restore')
  .description(
    'tell a stopped node that its data folder comes from a backup, or that its log is lost, before it starts',
  )
  .requiredOption('--config <file>', 'NodeConfig')
  .option('--through <height>', 'it signed nothing above this height for sure; otherwise it asks its peers', height)
  .action(async (options: { config: string; through?: number }) => {
    const { runRestore } = await import('../src/node/restore.ts');
    await runRestore(options);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else if (isChainError(error)) {
    console.error(`error: ${error.message} [${error.code}]\n${error.remedy}`);
    process.exitCode = 1;
  } else {
    console.error(error);
    process.exitCode = 1;
  }
}
