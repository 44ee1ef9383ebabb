import { setTimeout as sleep } from 'node:timers/promises';
import type { Playground } from '../../playground/playground.ts';

const CACHED_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 50;
/** Names and versions are enough: an object may have a megabyte. */
const METADATA_ONLY = {
  accept: [
    'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    'application/json',
  ].join(','),
};

interface Metadata {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly items?: readonly Metadata[];
}

/**
 * Returns when the API server's watch cache holds these objects as they are in the store. It begins an UPDATE or a DELETE with what its cache
 * has, and where that is a version behind it asks the webhooks about the old version, fails to store, and asks again about the new one: how
 * many reviews one request makes would depend on how fast the cache is. A path that ends in `/` is of a whole collection.
 * @throws Error if the cache stays behind.
 */
export async function cached(playground: Playground, paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => holdsLast(playground, path)));
}

async function holdsLast({ cluster }: Playground, path: string): Promise<void> {
  const isCollection = path.endsWith('/');
  const target = isCollection ? path.slice(0, -1) : path;
  const stored = await cluster.request(target, { headers: METADATA_ONLY });
  // What is not there, or not yet served, is not read from a cache either.
  if (stored.status !== 200) return;
  const version = lastVersion(stored.json<Metadata>());
  if (version === undefined) return;
  const match = isCollection ? '&resourceVersionMatch=NotOlderThan' : '';
  const deadline = performance.now() + CACHED_TIMEOUT_MS;
  for (;;) {
    // Answered from the cache, as soon as it is at this version.
    const { status } = await cluster.request(`${target}?resourceVersion=${version}${match}`, {
      headers: METADATA_ONLY,
    });
    if (status === 200 || status === 404) return;
    if (performance.now() > deadline) throw new Error(`the API server's cache does not reach ${version} of ${path}`);
    await sleep(POLL_INTERVAL_MS);
  }
}

function lastVersion({ metadata, items }: Metadata): string | undefined {
  if (items === undefined) return metadata?.resourceVersion;
  const versions = items.flatMap((item) => item.metadata?.resourceVersion ?? []).map(BigInt);
  return versions.length === 0 ? undefined : String(versions.reduce((a, b) => (a > b ? a : b)));
}
