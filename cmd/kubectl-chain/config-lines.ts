import { Document, isScalar, isSeq, visit } from 'yaml';
import type { ConfigChange } from '../../src/types/transaction.ts';
import { printable } from './output/printable.ts';

const widthMax = 120;

/** A configuration change as people write it: YAML, lists of plain values in one line. What is shown is all that is signed. */
export function configLines(change: ConfigChange): string[] {
  const document = new Document(change);
  visit(document, {
    Seq: (_key, node) => {
      if (isSeq(node) && node.items.every(isScalar)) node.flow = true;
    },
  });
  return document
    .toString({ lineWidth: widthMax, flowCollectionPadding: false })
    .trimEnd()
    .split('\n')
    .map((line) => `+ ${printable(line)}`);
}
