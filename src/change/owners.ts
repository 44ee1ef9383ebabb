import type { Owner } from '../types/transaction.ts';
import { at, isList, textAt } from './json.ts';
import { NAME_CHARS_MAX, OBJECT_NAME_CHARS_MAX, OWNERS_MAX, UID_CHARS_MAX } from './limits.ts';
import type { Review } from './review.ts';

/**
 * The ownerReferences of the object, before a DELETE, otherwise after the change: the link from what a controller makes to what it was made for. Controllers come
 * first, and what the API server would not accept is left out.
 */
export function ownersOf({ object, oldObject }: Pick<Review, 'object' | 'oldObject'>): readonly Owner[] {
  const references = at(object ?? oldObject ?? undefined, 'metadata', 'ownerReferences');
  if (!isList(references)) return [];
  const owners = references.map((reference): Owner => {
    const apiVersion = textAt(reference, 'apiVersion');
    return {
      group: apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '',
      kind: textAt(reference, 'kind'),
      name: textAt(reference, 'name'),
      uid: textAt(reference, 'uid'),
      controller: at(reference, 'controller') === true,
    };
  });
  return owners
    .filter(isBounded)
    .sort((a, b) => Number(b.controller) - Number(a.controller))
    .slice(0, OWNERS_MAX);
}

function isBounded({ group, kind, name, uid }: Owner): boolean {
  return (
    kind !== '' &&
    name !== '' &&
    group.length <= NAME_CHARS_MAX &&
    kind.length <= NAME_CHARS_MAX &&
    name.length <= OBJECT_NAME_CHARS_MAX &&
    uid.length <= UID_CHARS_MAX
  );
}
