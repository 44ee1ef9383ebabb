import { join } from 'node:path';

/** Absolute paths of everything below a cluster's folder. */
export interface Layout {
  readonly dir: string;
  readonly stateFile: string;
  readonly kubeconfig: string;
  readonly pkiDir: string;
  readonly configDir: string;
  readonly logDir: string;
  readonly etcdDataDir: string;
  readonly auditLog: string;
  readonly kubectlCacheDir: string;
  /** Certificate and key of a name below the PKI folder, `<name>.crt` and `<name>.key`. */
  readonly pair: (name: string) => PairFiles;
  /** Signs and checks ServiceAccount tokens. */
  readonly serviceAccount: { readonly privateKeyFile: string; readonly publicKeyFile: string };
  readonly config: (fileName: string) => string;
  readonly log: (component: string) => string;
}

export interface PairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** `dir` is absolute. */
export function layoutOf(dir: string): Layout {
  const pkiDir = join(dir, 'pki');
  const configDir = join(dir, 'config');
  const logDir = join(dir, 'logs');
  return {
    dir,
    stateFile: join(dir, 'cluster.json'),
    kubeconfig: join(dir, 'kubeconfig'),
    pkiDir,
    configDir,
    logDir,
    etcdDataDir: join(dir, 'etcd'),
    auditLog: join(logDir, 'audit.log'),
    kubectlCacheDir: join(dir, 'kubectl-cache'),
    pair: (name) => ({ certFile: join(pkiDir, `${name}.crt`), keyFile: join(pkiDir, `${name}.key`) }),
    serviceAccount: {
      privateKeyFile: join(pkiDir, 'service-account.key'),
      publicKeyFile: join(pkiDir, 'service-account.pub'),
    },
    config: (fileName) => join(configDir, fileName),
    log: (component) => join(logDir, `${component}.log`),
  };
}
