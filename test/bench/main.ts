/** `npm run bench -- NAME...`: figures as JSON lines on stdout, progress on stderr. Never a test: nothing here fails on a time. */
import { ensureBinaries } from '../control-plane/build.ts';
import { benchAdmission } from './admission.ts';
import { benchCli } from './cli.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = { admission: benchAdmission, cli: benchCli };

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (names.length === 0 || unknown !== undefined) {
  process.stderr.write(
    `${unknown === undefined ? 'which bench?' : `unknown bench ${unknown};`} known: ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(1);
}
await ensureBinaries(['kube-apiserver', 'etcd', 'kubectl']);
for (const name of names) await benches[name]?.();
