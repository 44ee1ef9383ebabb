/** `npm run bench -- NAME [options]`: figures as JSON lines on stdout, progress on stderr. Never a test: nothing here fails on a time. */
const benches: Readonly<Record<string, () => Promise<(args: readonly string[]) => Promise<void>>>> = {
  commit: async () => (await import('./commit/commit.ts')).benchCommit,
  admission: async () => (await import('./admission.ts')).benchAdmission,
  audit: async () => (await import('./audit.ts')).benchAudit,
  disk: async () => (await import('./disk.ts')).benchDisk,
  recovery: async () => (await import('./recovery.ts')).benchRecovery,
  cli: async () => (await import('./cli.ts')).benchCli,
};

const [name = '', ...args] = process.argv.slice(2);
const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (load === undefined) {
  process.stderr.write(
    `${name === '' ? 'which bench?' : `unknown bench ${name};`} known: ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(1);
}
await (
  await load()
)(args);
process.exit(0);
