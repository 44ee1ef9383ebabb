/** Rules of the house that a linter does not know. Each returns what is wrong with one file, empty if nothing is. */

/** Folder of `src` to the folders of `src` that it may import; `webhook` and `cmd` stand beside them. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  types: [],
  errors: ['types'],
  ports: ['types', 'errors'],
  codec: ['types', 'errors', 'ports'],
  consensus: ['types', 'errors'],
  governance: ['types', 'errors'],
  change: ['types', 'errors', 'codec', 'ports'],
  ledger: ['types', 'errors', 'codec', 'ports', 'governance', 'change'],
  crypto: ['types', 'errors', 'ports'],
  store: ['types', 'errors', 'codec', 'ports'],
  net: ['types', 'errors', 'codec', 'ports'],
  api: ['types', 'errors', 'codec', 'ledger', 'ports'],
  // Sign-bytes are a format: whoever checks a certificate builds them.
  client: ['types', 'errors', 'codec', 'ports', 'crypto', 'ledger', 'change', 'governance', 'consensus'],
  cluster: ['types', 'errors', 'codec', 'change', 'ports'],
  webhook: ['types', 'errors', 'codec', 'change', 'ports'],
};
const pureFolders = ['types', 'errors', 'ports', 'codec', 'consensus', 'governance', 'change', 'ledger'];
/** What the plugin never loads: it holds keys and trusts no node. */
const notForPlugin = ['store', 'node', 'net'];

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\s*\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g;

export function importsOf(text: string): string[] {
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Folder that a file belongs to: `src/codec/x.ts` is `codec`, `webhook/x.ts` is `webhook`. */
function folderOf(path: string): string {
  const parts = path.split('/');
  return parts[0] === 'src' ? (parts[1] ?? '') : (parts[0] ?? '');
}

function resolveImport(from: string, target: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const step of target.split('/')) {
    if (step === '..') parts.pop();
    else if (step !== '.') parts.push(step);
  }
  return parts.join('/');
}

export function wrongImports(path: string, text: string): string[] {
  const folder = folderOf(path);
  const isPlugin = path.startsWith('cmd/kubectl-chain');
  const allowed = mayImport[folder];
  return importsOf(text).flatMap((target) => {
    if (target.startsWith('node:') || !target.startsWith('.')) {
      return pureFolders.includes(folder) && target.startsWith('node:')
        ? [`${path} is pure and imports ${target}`]
        : [];
    }
    const other = folderOf(resolveImport(path, target));
    if (isPlugin) return notForPlugin.includes(other) ? [`${path} is the plugin and imports ${other}`] : [];
    if (allowed === undefined || other === folder || allowed.includes(other)) return [];
    return [`${path} imports ${other}`];
  });
}

const impure: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['async', /\basync\b|\bawait\b|\bPromise\b/],
  ['a clock', /\bDate\b|\bperformance\b/],
  ['randomness', /\bMath\.random\b|\bcrypto\.getRandom/],
  ['a timer', /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ['the process', /\bprocess\b\.|\bBuffer\b\.|\bconsole\./],
];

export function impurities(path: string, text: string): string[] {
  if (!path.startsWith('src/') || !pureFolders.includes(folderOf(path))) return [];
  const code = withoutComments(text);
  // Ports are interfaces of the world, and the world is asynchronous; they hold no code that runs.
  if (folderOf(path) === 'ports') return [];
  return impure.flatMap(([what, pattern]) => (pattern.test(code) ? [`${path} is pure and uses ${what}`] : []));
}

/** Comments and string literals say anything; only code counts. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/`(?:[^`\\]|\\.)*`/g, '``');
}

const forbiddenNames = /^(?:utils?|helpers?|common|misc)(?:\.ts)?$/;

export function badNames(path: string): string[] {
  return path.split('/').some((part) => forbiddenNames.test(part)) ? [`${path}: a name that says nothing`] : [];
}

export function leftovers(path: string, text: string): string[] {
  const found: string[] = [];
  if (/\b(?:it|test|describe)\.(?:only|skip|todo)\b/.test(text)) found.push(`${path} skips or focuses a test`);
  if (/\b(?:TODO|FIXME|XXX)\b/.test(text)) found.push(`${path} has something left to do`);
  if (/(?:^|[\s'"`(=])\/(?:work|farm|root)\//.test(text)) found.push(`${path} names a path of one machine`);
  return found;
}
