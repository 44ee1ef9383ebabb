import { join } from 'node:path';

/** Programs of the test control plane, and the peer that the benchmarks compare with. */
export const BINARY_NAMES = [
  'kube-apiserver',
  'etcd',
  'kubectl',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
  'cometbft',
] as const;

export type BinaryName = (typeof BINARY_NAMES)[number];

export interface Binary {
  /** Without the leading v; also the version that its go.mod requires. */
  readonly version: string;
  /** Absolute folder of the Go module that pins it. */
  readonly moduleDir: string;
  /** Go package of its main function. */
  readonly goPackage: string;
  /** For `go build -ldflags`. */
  readonly ldflags: readonly string[];
}

export const REPOSITORY_DIR = join(import.meta.dirname, '..', '..');

const KUBERNETES_VERSION = '1.36.3';
export const ETCD_VERSION = '3.6.8';
const KWOK_VERSION = '0.8.0';
const COMETBFT_VERSION = '0.38.26';

/** Where a Kubernetes release build writes its version; without these the programs call themselves v0.0.0. */
const KUBERNETES_VERSION_PACKAGES = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];

/** No symbol table and no DWARF: smaller files, faster links. */
const STRIPPED = ['-s', '-w'];

export function describeBinary(name: BinaryName): Binary {
  switch (name) {
    case 'kube-apiserver':
    case 'kubectl':
    case 'kube-controller-manager':
    case 'kube-scheduler':
      return {
        version: KUBERNETES_VERSION,
        moduleDir: join(import.meta.dirname, 'kubernetes'),
        goPackage: `k8s.io/kubernetes/cmd/${name}`,
        ldflags: [...STRIPPED, ...kubernetesVersionFlags()],
      };
    case 'etcd':
      return {
        version: ETCD_VERSION,
        moduleDir: join(import.meta.dirname, 'etcd'),
        goPackage: 'go.etcd.io/etcd/server/v3',
        ldflags: STRIPPED,
      };
    case 'kwok':
      return {
        version: KWOK_VERSION,
        moduleDir: join(import.meta.dirname, 'kwok'),
        goPackage: 'sigs.k8s.io/kwok/cmd/kwok',
        ldflags: [...STRIPPED, `-X sigs.k8s.io/kwok/pkg/consts.Version=v${KWOK_VERSION}`],
      };
    case 'cometbft':
      return {
        version: COMETBFT_VERSION,
        moduleDir: join(REPOSITORY_DIR, 'test', 'peers', 'cometbft'),
        goPackage: 'github.com/cometbft/cometbft/cmd/cometbft',
        ldflags: STRIPPED,
      };
  }
}

export function isBinaryName(name: string): name is BinaryName {
  return (BINARY_NAMES as readonly string[]).includes(name);
}

function kubernetesVersionFlags(): string[] {
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const values = {
    gitVersion: `v${KUBERNETES_VERSION}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  };
  return KUBERNETES_VERSION_PACKAGES.flatMap((goPackage) =>
    Object.entries(values).map(([key, value]) => `-X ${goPackage}.${key}=${value}`),
  );
}
