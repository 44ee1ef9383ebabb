import type { Operation } from '../../../src/types/change.ts';
import type { Attempt, Stage } from './stage.ts';

/**
 * Records of one kind that a way of changing something makes. `$` in a name or namespace stands for the row's own namespace, in which it
 * works, and which begins the name of whatever it makes outside of it.
 */
export interface Recorded {
  readonly operation: Operation;
  /** `version/resource` or `group/version/resource`, and `/subresource`. */
  readonly resource: string;
  /** Default: `x`. A `*` at the end stands for what the server made up. */
  readonly name?: string;
  /** Default: the row's own; '' for what has none. */
  readonly namespace?: string;
  /** Default: alice, who asks. */
  readonly user?: string;
  /**
   * `object`, the default: the uid of the object as it was before an UPDATE or a DELETE, and as it is stored after a CREATE. `unstored`: one that
   * no stored object has. `none`: the review names no object. `any`:
   * one of each, by chance.
   */
  readonly uid?: 'object' | 'unstored' | 'none' | 'any';
  /** Decisions of the chain, each with a witness of every hook. Default: 1. Two numbers: at least and at most, where the API server decides it by chance. */
  readonly times?: number | readonly [min: number, max: number];
  /** Versions of the object that the decisions are about: where the API server itself writes in between, it may ask about the first one twice. */
  readonly versions?: number;
}

/** What the control plane writes because of a change, through the record hook. */
export interface Followed {
  readonly operation: Operation;
  /** As in `Recorded`. */
  readonly resource: string;
  /** Default: the row's own. */
  readonly namespace?: string;
  /** A controller of kube-system, or a whole user name. */
  readonly by: string;
  /** So many objects, what the row prepares included; each has at least one record, because a controller may have to try again. */
  readonly objects: number | readonly [min: number, max: number];
  /** Kinds of the owners, from its own to what was decided about. */
  readonly origin?: readonly string[];
}

/** One way of changing something, tried twice: where no policy matches, and where one asks for votes. */
export interface Row {
  /** Short, unique, a part of a namespace's name. */
  readonly id: string;
  /** What is done, for the page. */
  readonly what: string;
  /** By the administrator, whom the suite's policy leaves out. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** By alice: each request, or each call of kubectl, is an attempt. */
  readonly change: (stage: Stage) => Promise<readonly Attempt[]>;
  /** All records that exist afterwards, no more and no fewer; controllers' own work included. */
  readonly records: readonly Recorded[];
  /** What every attempt ends with where no policy matches. Default: success. Text of an error that is not the chain's. */
  readonly ends?: RegExp;
  /** Where a policy matches. Default: `records`, each once, refused. Empty: nothing reaches the chain, so nothing is refused. */
  readonly refused?: readonly Recorded[];
  /** Voted for after the refusal and asked for again: it goes through, and the observers see stored exactly what was voted for. */
  readonly voted?: true;
  /** Some of what follows from it where it is let through. That nothing is missing is checked of everything that was stored. */
  readonly follows?: readonly Followed[];
  /** For the page: why the records are these. */
  readonly note?: string;
}

/** What the log must hold where a policy matches. */
export function refusedRecords({ records, refused }: Row): readonly Recorded[] {
  return refused ?? records.map((record) => ({ ...record, times: 1 }));
}

export function inScope(text: string, namespace: string): string {
  return text.replaceAll('$', namespace);
}
