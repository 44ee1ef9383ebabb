import { expect, test, vi } from 'vitest';
import type { KubeHttp } from '../../../src/cluster/kube-http.ts';
import { ResourceWatch } from '../../../src/cluster/resource-watch.ts';

const resource = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
const shown = (type: string, resourceVersion: string, uid: string): unknown => ({
  type,
  object: { metadata: { uid, resourceVersion } },
});

/** An API server that lists nothing at version 5 and has each watch in the hands of the test. */
function followed() {
  const watches: {
    path: string;
    onEvent: (event: unknown) => void;
    onEnd: (error: Error | null) => void;
    open: boolean;
  }[] = [];
  const lists: string[] = [];
  const http = {
    get: async (path: string) => {
      lists.push(path);
      return { metadata: { resourceVersion: '5' }, items: [] };
    },
    watch: (path: string, handlers: { onEvent: (event: unknown) => void; onEnd: (error: Error | null) => void }) => {
      const watch = { path, ...handlers, open: true };
      watches.push(watch);
      return () => (watch.open = false);
    },
  } as unknown as KubeHttp;
  const watch = new ResourceWatch(resource, {
    http,
    contentOf: () => 'content',
    onChange: () => undefined,
    now: () => 1_000,
    warn: () => undefined,
  });
  watch.start();
  return { watch, watches, lists };
}

test('P4: a watch that is hurried goes on where it was, without a new list, and is not hurried again at once', async () => {
  const { watch, watches, lists } = followed();
  watch.hurry();
  await vi.waitFor(() => expect(watches).toHaveLength(1));
  watches[0]?.onEvent(shown('ADDED', '7', 'a'));

  watch.hurry();
  watch.hurry();
  expect(watches.map(({ open }) => open)).toEqual([false, true]);
  expect(watches[1]?.path).toContain('resourceVersion=7&timeoutSeconds=');

  // What came meanwhile, how far that was, and the end that was asked for.
  watches[1]?.onEvent(shown('ADDED', '8', 'b'));
  watches[1]?.onEvent(shown('BOOKMARK', '9', ''));
  expect(watch.position?.resourceVersion).toBe('9');
  watches[1]?.onEnd(null);
  await vi.waitFor(() => expect(watches).toHaveLength(3));
  expect(watches[2]?.path).toMatch(/resourceVersion=9$/);
  expect(['a', 'b'].map((uid) => watch.history.current(uid).kind)).toEqual(['version', 'version']);
  expect(lists).toHaveLength(1);
  watch.stop();
});
