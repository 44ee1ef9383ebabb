import type { Row } from './row.ts';
import { ACCESS } from './rows/access.ts';
import { CONCURRENCY } from './rows/concurrency.ts';
import { DEFINITIONS } from './rows/definitions.ts';
import { DELETION } from './rows/deletion.ts';
import { EXCLUDED } from './rows/excluded.ts';
import { IMPERSONATION } from './rows/impersonation.ts';
import { PODS } from './rows/pods.ts';
import { WORKLOADS } from './rows/workloads.ts';
import { WRITING } from './rows/writing.ts';

export interface Chapter {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Every way of changing something that is tried. */
export const CHAPTERS: readonly Chapter[] = [
  { title: 'Writing objects', rows: WRITING },
  { title: 'Workloads', rows: WORKLOADS },
  { title: 'Pods and nodes', rows: PODS },
  { title: 'Deletion', rows: DELETION },
  { title: 'Access', rows: ACCESS },
  { title: 'Acting as somebody else', rows: IMPERSONATION },
  { title: 'Definitions', rows: DEFINITIONS },
  { title: 'At the same time', rows: CONCURRENCY },
  { title: 'Left out', rows: EXCLUDED },
];

export const ROWS: readonly Row[] = CHAPTERS.flatMap(({ rows }) => rows);
