#!/usr/bin/env node
/** Bundles the plugin into a folder (default: dist): what a verb needs is a chunk of its own, so that help and completion load nearly nothing. */
import { build, type Plugin } from 'esbuild';
import { chmodSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** zod carries its messages in some forty languages; the plugin speaks one. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup: (building) => {
    building.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js';",
      loader: 'js',
      resolveDir: dirname(path),
    }));
  },
};

/** Returns the path of the executable. */
export async function buildPlugin(outFolder: string): Promise<string> {
  rmSync(outFolder, { recursive: true, force: true });
  await build({
    entryPoints: { 'kubectl-chain': join(root, 'cmd', 'kubectl-chain.ts') },
    outdir: outFolder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // Bundled CommonJS asks for node's own modules with require, which an ES module has not.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    plugins: [oneLanguage],
    logLevel: 'warning',
  });
  const plugin = join(outFolder, 'kubectl-chain.mjs');
  chmodSync(plugin, 0o755);
  return plugin;
}

if (import.meta.main) console.log(await buildPlugin(resolve(process.argv[2] ?? join(root, 'dist'))));
