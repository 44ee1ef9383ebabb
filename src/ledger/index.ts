/** The folder's public door: formats, trees and proofs. Executing blocks has its own door, application.ts. */
export * from './limits.ts';
export { ZERO_HASH, type HashDomain } from './domain-hash.ts';
export {
  decodeTransaction,
  keyIdOfPublicKey,
  payloadBytesOf,
  payloadTypeOf,
  signedLine,
  signTransaction,
  transactionHash,
  verifyTransaction,
  type DecodedTransaction,
} from './transaction.ts';
export { statementOf, subjectNameOf } from './statement.ts';
export { blockLeafBytes, decodeLeaf, leafBytes, type DecodedLeaf } from './leaf.ts';
export { appHashOf, blockIdOf, decodeHeader, headerBytes, paramsHashOf, validatorsHashOf } from './header.ts';
export { decodeGenesis, genesisBytes, genesisHashOf, loadGenesis, openGenesis, type LoadedGenesis } from './genesis.ts';
export { validateGenesis } from './genesis-rules.ts';
export { PARAM_RANGES } from './params-range.ts';
export {
  CERTIFICATE_BYTES_MAX,
  certificateFromJson,
  certificateHashOf,
  certificateToJson,
  decodeCertificate,
  encodeCertificate,
  verifyCertificate,
  type CertificateCrypto,
  type CertificateJson,
  type PrecommitBytes,
} from './certificate.ts';
export { checkBlockParts, decodeBlock, encodeBlock, txBytesOf, txRootOf } from './block.ts';
export {
  appendLeaves,
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  rootOfLeafHashes,
  type AppendedLeaves,
  type NodeReader,
  type NodeWrite,
} from './merkle.ts';
export { verifyConsistency, verifyInclusion } from './merkle-verify.ts';
export { StateTree } from './state-tree.ts';
export { StateOverlay, type StateMark } from './state-overlay.ts';
export { stateKey } from './state-key.ts';
export {
  decodeSnapshotHead,
  encodeSnapshotHead,
  hashAt,
  rightEdge,
  verifySnapshotHead,
  type SnapshotHead,
  type VerifiedSnapshot,
} from './snapshot.ts';
export { BUCKET_COUNT, bucketHash, bucketOf, decodeBucket, encodeBucket, type BucketEntry } from './state-bucket.ts';
export {
  stateProofFromJson,
  stateProofToJson,
  verifyStateProof,
  type StateProof,
  type StateProofJson,
} from './state-proof.ts';
export {
  decodeHeadJson,
  decodeMerkleProofJson,
  encodeHeadJson,
  encodeMerkleProofJson,
  verifyHead,
  verifyHeadContinues,
  verifyRecord,
  verifyStateEntry,
  type CertifiedHead,
  type HeadCrypto,
  type HeadJson,
  type HeadTrust,
} from './proof.ts';
export {
  formatNote,
  NOTE_TYPE_COSIGNATURE_V1,
  NOTE_TYPE_ED25519,
  noteKeyId,
  parseNote,
  verifierKey,
  type NoteSignature,
  type SignedNote,
} from './signed-note.ts';
export {
  assembleCheckpoint,
  checkpointText,
  cosign,
  cosignatureBytes,
  cosignatureLine,
  cosignerName,
  originOf,
  parseCheckpointText,
  plainNote,
  verifyCheckpoint,
  verifyCosignature,
  verifyPlainNote,
  type Checkpoint,
  type CheckpointCrypto,
  type Cosignature,
  type VerifiedCheckpoint,
} from './checkpoint.ts';
export { entriesPath, entryBundle, tileBytes, tilePath, tileWidth } from './tile.ts';
export { formatTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.ts';
