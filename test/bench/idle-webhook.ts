import fastify from 'fastify';
import { makeServerCertificates } from '../../src/cluster/certificates.ts';

export const IDLE_CONFIGURATION = 'bench-idle';

export interface IdleWebhook {
  readonly configuration: object;
  close(): Promise<void>;
}

const rule = (apiGroup: string, resources: readonly string[]): object => ({
  apiGroups: [apiGroup],
  apiVersions: ['*'],
  resources,
  operations: ['*'],
  scope: '*',
});

/** The least that a validating webhook can do: parse and allow. Asked about what the scenarios change. */
export async function startIdleWebhook(): Promise<IdleWebhook> {
  const tls = await makeServerCertificates({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    commonName: 'idle webhook',
    days: 1,
  });
  const app = fastify({
    https: { key: tls.privateKeyPem, cert: tls.certificatePem },
    keepAliveTimeout: 120_000,
    bodyLimit: 32 * 1024 * 1024,
  });
  app.post('/admit', async (request) => {
    const { request: review } = request.body as { request: { uid: string } };
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: review.uid, allowed: true } };
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    configuration: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: IDLE_CONFIGURATION },
      webhooks: [
        {
          name: 'idle.bench.kubectl-chain.dev',
          clientConfig: { url: `${url}/admit`, caBundle: Buffer.from(tls.caBundlePem).toString('base64') },
          rules: [rule('', ['configmaps', 'pods']), rule('apps', ['deployments', 'replicasets'])],
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          timeoutSeconds: 10,
        },
      ],
    },
    close: () => app.close(),
  };
}
