import type { ListJson, RecordJson } from './founding-story.ts';
import type { Stage } from './stage.ts';

interface ProposalJson {
  readonly id: number;
  readonly state: string;
  readonly instance: number;
}

const REFUSED = [/\(Forbidden\)/, /denied the request/, /needs 2 more approvals/, /kubectl chain vote \d+ --approve/];

/** The proposal that a refusal names. */
function proposalIn(stderr: string): number {
  return Number(/proposal\/(\d+) is/.exec(stderr)?.[1] ?? NaN);
}

async function approve(stage: Stage, id: number, people: readonly string[]): Promise<void> {
  for (const person of people) {
    await stage.run(`kubectl chain vote ${id} --approve --key ${person} --yes`, { stdout: [/proposal\/\d+ voted/] });
  }
  await stage.run(`kubectl chain wait proposal/${id} --for=approved --timeout=20s`, { stdout: [/condition met/] });
}

/** Step 3. */
export async function policyStep(stage: Stage): Promise<void> {
  const proposed = await stage.run('kubectl chain propose policy -f policy.yaml --key alice --yes', {
    stdout: [/proposal\/\d+ proposed/],
  });
  const id = Number(/proposal\/(\d+)/.exec(proposed.stdout)?.[1]);
  stage.say('The configuration of the chain needs a majority: three of four organisations.');
  for (const person of ['alice', 'bob', 'carol']) {
    await stage.run(`kubectl chain vote ${id} --approve --key ${person} --yes`, { stdout: [/voted/] });
  }
  await stage.run(`kubectl chain wait proposal/${id} --for=executed --timeout=20s`, { stdout: [/condition met/] });
  await stage.run('kubectl chain policies', { stdout: [/production.*prod-\*/] });
}

/** Step 4. Resolves with the proposal that the refusal opened. */
export async function refusalStep(stage: Stage): Promise<number> {
  await stage.run('kubectl create namespace prod-shop', { stdout: [/created/] });
  const refused = await stage.run('kubectl apply -f web.yaml --context alice', { code: 1, stderr: REFUSED });
  const id = proposalIn(refused.stderr);
  stage.expect('the refusal names its proposal', Number.isInteger(id));
  await stage.run('kubectl get deployments -n prod-shop', { stderr: [/No resources found/] });
  stage.say('Tools that look before they leap go on working, with a warning:');
  // 1 is kubectl's "there are differences".
  await stage.run('kubectl diff -f web.yaml --context alice', {
    code: 1,
    stdout: [/\+kind: Deployment/],
    stderr: [/Warning: .*needs 2 approvals/],
  });
  await stage.run('kubectl apply -f web.yaml --dry-run=server --context alice', {
    stdout: [/server dry run/],
    stderr: [/Warning:/],
  });
  return id;
}

/** Step 5. */
export async function voteStep(stage: Stage, id: number): Promise<void> {
  await stage.run('kubectl chain proposals --state open', { stdout: [new RegExp(`${id}.*OPEN.*prod-shop/web`)] });
  await stage.run(`kubectl chain show proposal/${id} --key bob`, { stdout: [/image: "?nginx:1\.27/, /alice/] });
  stage.say(
    'Members of two other organisations vote; each client shows the diff from the very bytes that it signs for.',
  );
  await approve(stage, id, ['bob', 'carol']);
}

/** Step 6. */
export async function exactStep(stage: Stage, id: number): Promise<void> {
  const applied = await stage.run('kubectl apply -f web.yaml --context alice', { stdout: [/web created/] });
  stage.figures['applyApprovedMs'] = applied.ms;
  stage.say('Another image is another change:');
  const other = await stage.run('kubectl apply -f web-other-image.yaml --context alice', { code: 1, stderr: REFUSED });
  stage.expect('it has a proposal of its own', proposalIn(other.stderr) !== id);
  stage.say('The approval is used up. A delete needs a vote, too; after it, creating the same again needs a new one.');
  const remove = 'kubectl delete deployment web -n prod-shop --wait=false --context alice';
  const removal = await stage.run(remove, { code: 1, stderr: REFUSED });
  await approve(stage, proposalIn(removal.stderr), ['carol', 'dave']);
  await stage.run(remove, { stdout: [/deleted/] });
  const again = await stage.run('kubectl apply -f web.yaml --context alice', { code: 1, stderr: REFUSED });
  const second = await stage.ask<ProposalJson>(`kubectl chain proposals ${proposalIn(again.stderr)} -o json`);
  stage.expect(
    'it is a new vote on the same change',
    second.id !== id && second.instance === 2 && second.state === 'OPEN',
  );
}

/** All that the log says was admitted in a namespace. */
export async function admitted(stage: Stage, namespace: string): Promise<Set<string>> {
  const { items } = await stage.ask<ListJson<RecordJson>>(`kubectl chain audit -n ${namespace} -o json --limit 500`);
  return new Set(
    items.filter(({ decision }) => decision === 'ADMITTED').map(({ operation, name }) => `${operation} ${name}`),
  );
}
