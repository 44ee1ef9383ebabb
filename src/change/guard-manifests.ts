import { GATE_DOMAIN } from './webhook-configuration.ts';

/** Name of the policy and of its binding. */
export const GUARD_NAME = 'kubectl-chain-guard';

const apiVersion = 'admissionregistration.k8s.io/v1';
const metadata = { name: GUARD_NAME, labels: { 'app.kubernetes.io/name': 'kubectl-chain' } };
const holdsGate = `oldObject.?webhooks.orValue([]).exists(w, w.name.endsWith('.${GATE_DOMAIN}'))`;

/**
 * A ValidatingAdmissionPolicy and its binding (plain data): no webhook configuration that holds an entry of the gate is deleted, and none of its entries is changed.
 * It stops accidents and whoever does not know of it. Nothing protects the policy itself: who means it deletes the binding first; observers find that.
 */
export function guardManifests(): readonly object[] {
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['admissionregistration.k8s.io'],
              apiVersions: ['*'],
              operations: ['UPDATE', 'DELETE'],
              resources: ['validatingwebhookconfigurations'],
            },
          ],
        },
        matchConditions: [{ name: 'holds-the-gate', expression: holdsGate }],
        validations: [
          {
            expression: `request.operation == 'UPDATE' && object.?webhooks.orValue([]) == oldObject.?webhooks.orValue([])`,
            message: `the gate of kubectl-chain is not changed or removed while ${GUARD_NAME} is there: remove its binding first; the observers report that`,
            reason: 'Forbidden',
          },
        ],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: GUARD_NAME, validationActions: ['Deny'] },
    },
  ];
}
