import type { OutputOptions } from './output/print.ts';

/** Flags that every command takes. */
export interface GlobalOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly token?: string;
  readonly server?: string;
  readonly requestTimeout?: string;
  readonly v?: string;
  readonly chain?: string;
  readonly chainNamespace?: string;
  readonly endpoint?: readonly string[];
  readonly caBundle?: string;
  readonly maxAge?: string;
  readonly clusterName?: string;
}

export interface ListOptions extends GlobalOptions, OutputOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly watch?: boolean;
}

export interface KeyOptions extends GlobalOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
}

export interface SigningOptions extends KeyOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly output?: string;
}
