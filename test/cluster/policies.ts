/** Two approvals of others than the author's organisation, for ConfigMaps, Secrets and Deployments of some namespaces. */
export function twoApprovals(namespaces: string, binding: 'diff' | 'strict' = 'diff') {
  return {
    clusters: ['*'],
    match: [
      {
        operations: ['CREATE', 'UPDATE', 'DELETE'],
        resources: [
          { group: '', resource: 'configmaps' },
          { group: '', resource: 'secrets' },
          { group: 'apps', resource: 'deployments' },
        ],
        namespaces: [namespaces],
      },
    ],
    require: { approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: 'org' },
    binding,
    deadlines: { voting: '24h', execution: '1h' },
  };
}
